"""What a cache tells about itself: to an observer every event, to the log every change."""

import logging
from collections.abc import Callable
from typing import ParamSpec

from layercache.errors import CorruptEntryError

P = ParamSpec("P")

_log = logging.getLogger(__name__)


class Observer:
    """Is told what happens; override what you want to know.

    Methods are called in the middle of an operation, so they must return at
    once. What one raises harms no request: the log has the first of it.
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


def guarded(observer: Observer) -> Observer:
    """Return one that passes on to *observer*, and keeps from the requests what that raises."""
    return _Guarded(observer)


class _Guarded(Observer):
    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._has_raised = False

    def hit(self, operation: str) -> None:
        self._tell(self._observer.hit, operation)

    def miss(self, operation: str) -> None:
        self._tell(self._observer.miss, operation)

    def asked(self, operation: str, seconds: float) -> None:
        self._tell(self._observer.asked, operation, seconds)

    def filled(self, stored: bool) -> None:
        self._tell(self._observer.filled, stored)

    def failed(self, operation: str, error: Exception) -> None:
        self._tell(self._observer.failed, operation, error)

    def _tell(self, method: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(*args, **kwargs)
        except Exception:  # noqa: BLE001  # whatever it was
            if not self._has_raised:
                self._has_raised = True
                _log.exception("an observer raised, which is not logged again")


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
