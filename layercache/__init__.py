"""layercache: what a container registry must otherwise ask its storage."""

from layercache.backend import Lease
from layercache.cache import LayerInfoCache, LayerInfoSource
from layercache.context import CancelableContext, Context, background
from layercache.errors import (
    BackendError,
    BackendUnavailableError,
    CanceledError,
    ContextError,
    CorruptEntryError,
    DeadlineExceededError,
    EventLoopError,
    InvalidArgumentError,
    LayerCacheError,
    NotFoundError,
)
from layercache.events import Observer
from layercache.memory import MemoryCache
from layercache.meta import LayerMeta
from layercache.names import Digest, Repository, parse_digest, parse_repository
from layercache.opening import open_cache
from layercache.readthrough import ReadThroughCache
from layercache.redis.cache import RedisCache
from layercache.tiered import TieredCache

__all__ = [
    "BackendError",
    "BackendUnavailableError",
    "CancelableContext",
    "CanceledError",
    "Context",
    "ContextError",
    "CorruptEntryError",
    "DeadlineExceededError",
    "Digest",
    "EventLoopError",
    "InvalidArgumentError",
    "LayerCacheError",
    "LayerInfoCache",
    "LayerInfoSource",
    "LayerMeta",
    "Lease",
    "MemoryCache",
    "NotFoundError",
    "Observer",
    "ReadThroughCache",
    "RedisCache",
    "Repository",
    "TieredCache",
    "background",
    "open_cache",
    "parse_digest",
    "parse_repository",
]
