"""A near cache, in this process, before a far one that others share."""

from layercache.backends.redis.near.backend import MAX_STALENESS, TieredCache
from layercache.backends.redis.near.state import TieredState

__all__ = ["MAX_STALENESS", "TieredCache", "TieredState"]
