"""What a cache tells about itself: to an observer every event, to the log every change."""

import logging
import math
import time
from collections.abc import Callable

from layercache.errors import CorruptEntryError

_log = logging.getLogger(__name__)

STEADY_SECONDS = 60.0


class Observer:
    """Is told what happens; override what you want to know.

    Methods are called in the middle of an operation: they must return at once
    and must not raise.
    """

    def hit(self, operation: str) -> None:
        """*operation* (`stat`, `meta`, …) was answered from the cache; a bulk form counts each layer."""

    def miss(self, operation: str) -> None:
        """The cache could not answer *operation*, which goes to the source."""

    def asked(self, operation: str, seconds: float) -> None:
        """The source was asked for *operation*, and took *seconds* to answer or to fail."""

    def filled(self, stored: bool) -> None:
        """An answer of the source was offered to the cache, which *stored* it or no longer could."""

    def failed(self, operation: str, error: Exception) -> None:
        """The cache failed in *operation*; the caller was answered by the source, or not at all."""


class Incidents:
    """Failures that no caller hears of: each is observed, a change of state is logged.

    Where some keys fail and others do not, each question would be such a change.
    So what failed again soon after it worked again counts as failing until it
    has not failed for a minute.
    """

    def __init__(self, observer: Observer, clock: Callable[[], float] = time.monotonic) -> None:
        self._observer = observer
        self._clock = clock
        self._failing: set[str] = set()
        self._steady_from: dict[str, float] = {}  # of an operation that works again: when it has for a while

    def failed(self, operation: str, error: Exception) -> None:
        """*operation* failed; one corrupt entry says nothing of the state of the store."""
        self._observer.failed(operation, error)
        if isinstance(error, CorruptEntryError):
            return
        if operation not in self._failing:
            self._failing.add(operation)
            _log.warning("%s fails, the source answers: %s", operation, error)
        if self._clock() < self._steady_from.get(operation, -math.inf):
            self._steady_from[operation] = self._clock() + STEADY_SECONDS

    def worked(self, operation: str) -> None:
        """*operation* was done."""
        if operation in self._failing and self._clock() >= self._steady_from.get(operation, -math.inf):
            self._failing.discard(operation)
            self._steady_from[operation] = self._clock() + STEADY_SECONDS
            _log.info("%s works again", operation)
