"""A near cache, in this process, before a far one that others share."""

from layercache.tiered.cache import MAX_STALENESS, TieredCache
from layercache.tiered.state import TieredState

__all__ = ["MAX_STALENESS", "TieredCache", "TieredState"]
