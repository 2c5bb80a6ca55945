"""layercache: what a container registry must otherwise ask its storage."""

from layercache.backend import Lease
from layercache.backends.memory import MemoryCache
from layercache.backends.redis.cache import RedisCache
from layercache.backends.redis.near import TieredCache
from layercache.cache import LayerInfoCache
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
from layercache.meta import LayerMeta
from layercache.names import Digest, Repository, parse_digest, parse_repository
from layercache.observer import Observer
from layercache.opening import open_cache
from layercache.readthrough import ReadThroughCache
from layercache.source import LayerInfoSource

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
