"""The scheme `memory://`."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from layercache.backends.memory.cache import DEFAULT_ENTRIES, MemoryCache
from layercache.errors import InvalidArgumentError
from layercache.removal import HOLD_SECONDS
from layercache.url_options import Number, numbers_of, options_of

OPTIONS: Mapping[str, Number] = {"max_entries": int, "ttl": float, "closing_seconds": float}


def open_memory(url: str) -> MemoryCache:
    """Make the cache that *url* describes; see `open_cache`."""
    parts = urlsplit(url)
    if parts.netloc or parts.path:
        raise InvalidArgumentError(
            "memory:// has no host and no path, only options: memory://?max_entries=100"
        )
    numbers = numbers_of(options_of(url, OPTIONS), OPTIONS)
    return MemoryCache(
        int(numbers.get("max_entries", DEFAULT_ENTRIES)),
        ttl=numbers.get("ttl"),
        closing_seconds=numbers.get("closing_seconds", HOLD_SECONDS),
    )
