"""What a cache tells about itself: to an observer every event, to the log every change."""

import logging

from layercache.errors import CorruptEntryError

_log = logging.getLogger(__name__)


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
    """Failures that no caller hears of: each is observed, a change of state is logged."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._failing: set[str] = set()

    def failed(self, operation: str, error: Exception) -> None:
        """*operation* failed; one corrupt entry says nothing of the state of the store."""
        self._observer.failed(operation, error)
        if operation not in self._failing and not isinstance(error, CorruptEntryError):
            self._failing.add(operation)
            _log.warning("%s fails, the source answers: %s", operation, error)

    def worked(self, operation: str) -> None:
        """*operation* was done."""
        if operation in self._failing:
            self._failing.discard(operation)
            _log.info("%s works again", operation)
