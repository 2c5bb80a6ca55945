"""A source behind a cache."""

from layercache.readthrough.cache import ReadThroughCache

__all__ = ["ReadThroughCache"]
