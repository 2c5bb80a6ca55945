"""A near cache, in this process, before a far one that others share."""

from layercache.tiered.cache import TieredCache

__all__ = ["TieredCache"]
