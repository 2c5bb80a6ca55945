"""A layer info cache in the memory of one process."""

from layercache.memory.cache import MemoryCache

__all__ = ["MemoryCache"]
