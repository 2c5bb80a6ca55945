"""layercache: what a container registry must otherwise ask its storage."""

from typing import TYPE_CHECKING

from layercache.backend import Backend, Lease, Scannable
from layercache.backends.memory import MemoryCache
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
    UnsupportedError,
)
from layercache.forwarding import ForwardingBackend
from layercache.meta import LayerMeta
from layercache.names import Digest, Repository, parse_digest, parse_repository
from layercache.observer import Event, Observer, Outcome, Tier
from layercache.opening import open_cache
from layercache.readthrough import ReadThroughCache
from layercache.source import LayerInfoSource

if TYPE_CHECKING:
    from layercache.backends.redis import RedisCache

__all__ = [
    "Backend",
    "BackendError",
    "BackendUnavailableError",
    "CancelableContext",
    "CanceledError",
    "Context",
    "ContextError",
    "CorruptEntryError",
    "DeadlineExceededError",
    "Digest",
    "Event",
    "EventLoopError",
    "ForwardingBackend",
    "InvalidArgumentError",
    "LayerCacheError",
    "LayerInfoCache",
    "LayerInfoSource",
    "LayerMeta",
    "Lease",
    "MemoryCache",
    "NotFoundError",
    "Observer",
    "Outcome",
    "ReadThroughCache",
    "RedisCache",
    "Repository",
    "Scannable",
    "Tier",
    "UnsupportedError",
    "background",
    "open_cache",
    "parse_digest",
    "parse_repository",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Load `RedisCache` when it is asked for: of the 125 ms that an import took, redis-py was 80."""
        if name == "RedisCache":
            from layercache.backends.redis import RedisCache  # noqa: PLC0415 - see above

            return RedisCache
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
