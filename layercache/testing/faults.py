"""A cache that fails when it is told to."""

from collections import Counter

from layercache.cache import LayerInfoCache
from layercache.forwarding import ForwardingCache


class FaultyCache(ForwardingCache):
    """Passes every operation on to *cache*, or fails in its place.

    The operations are named as the twins are, without their underscore:
    `stat`, `lease`, `begin_closing`, …

    Attributes:
        calls: How often each operation was called.
    """

    def __init__(self, cache: LayerInfoCache) -> None:
        """Stand in front of *cache*, sound at first."""
        super().__init__(cache)
        self.calls: Counter[str] = Counter()
        self._error: Exception | None = None
        self._failing: frozenset[str] = frozenset()

    def fail(self, error: Exception, *operations: str) -> None:
        """From now on raise *error* in *operations*, or in all if none is named."""
        self._error, self._failing = error, frozenset(operations)

    def mend(self) -> None:
        """From now on fail no more."""
        self._error = None

    def _target(self, operation: str) -> LayerInfoCache:
        self.calls[operation] += 1
        if self._error is not None and (not self._failing or operation in self._failing):
            raise self._error
        return super()._target(operation)

    def __repr__(self) -> str:
        state = "sound" if self._error is None else repr(self._error)
        return f"<FaultyCache {state} before {self._cache!r}>"
