"""Where the broken caches are kept, by the check that they break."""

from collections import defaultdict
from collections.abc import Callable

from layercache.cache import LayerInfoCache

BROKEN: defaultdict[str, list[Callable[[], LayerInfoCache]]] = defaultdict(list)


def breaks(check: str) -> Callable[[type[LayerInfoCache]], type[LayerInfoCache]]:
    """Register the class as a cache that breaks *check*."""

    def register(broken: type[LayerInfoCache]) -> type[LayerInfoCache]:
        BROKEN[check].append(broken)
        return broken

    return register
