"""The broken backends and fronts, by the check that they fail."""

from collections import defaultdict
from collections.abc import Callable

from layercache.backend import Backend
from layercache.cache import LayerInfoCache
from tests.reference import ReferenceBackend

BROKEN: defaultdict[str, list[Callable[[], LayerInfoCache]]] = defaultdict(list)


def breaks(check: str) -> Callable[[type[Backend]], type[Backend]]:
    """Register the class as a backend that breaks *check*."""

    def register(broken: type[Backend]) -> type[Backend]:
        BROKEN[check].append(lambda: LayerInfoCache(broken()))
        return broken

    return register


def breaks_as_a_front(check: str) -> Callable[[type[LayerInfoCache]], type[LayerInfoCache]]:
    """Register the class as the front of a sound backend that breaks *check*."""

    def register(broken: type[LayerInfoCache]) -> type[LayerInfoCache]:
        BROKEN[check].append(lambda: broken(ReferenceBackend()))
        return broken

    return register
