"""Where the broken caches are kept, by the check that they break."""

from collections.abc import Callable

from layercache.cache import LayerInfoCache

BROKEN: dict[str, Callable[[], LayerInfoCache]] = {}


def breaks(check: str) -> Callable[[type[LayerInfoCache]], type[LayerInfoCache]]:
    """Register the class as the cache that breaks *check*."""

    def register(broken: type[LayerInfoCache]) -> type[LayerInfoCache]:
        assert check not in BROKEN
        BROKEN[check] = broken
        return broken

    return register
