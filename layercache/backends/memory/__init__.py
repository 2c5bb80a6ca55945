"""A layer info cache in the memory of one process."""

from layercache.backends.memory.cache import MemoryCache

__all__ = ["MemoryCache"]
