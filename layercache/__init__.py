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
    InvalidArgumentError,
    LayerCacheError,
    NotFoundError,
)
from layercache.events import Observer
from layercache.meta import LayerMeta
from layercache.names import Digest, Repository, parse_digest, parse_repository
from layercache.readthrough import ReadThroughCache

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
    "InvalidArgumentError",
    "LayerCacheError",
    "LayerInfoCache",
    "LayerInfoSource",
    "LayerMeta",
    "Lease",
    "NotFoundError",
    "Observer",
    "ReadThroughCache",
    "Repository",
    "background",
    "parse_digest",
    "parse_repository",
]
