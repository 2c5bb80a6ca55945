"""What a cache tells about itself: to an observer every operation, to the log every change of state."""

import logging
import math
import time
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from layercache.errors import CorruptEntryError

_log = logging.getLogger(__name__)

STEADY_SECONDS = 60.0


class Tier(StrEnum):
    """Who was asked."""

    NEAR = "near"
    """This process."""
    FAR = "far"
    """A store that others share: Redis, say."""
    SOURCE = "source"
    """What the cache stands before: a registry's storage, another registry."""


class Outcome(StrEnum):
    """How an operation ended."""

    HIT = "hit"
    """A read that was answered by a yes."""
    MISS = "miss"
    """A read that found nothing; of the source, its no."""
    DONE = "done"
    """A write; a lease that was given; a fill that was stored; a connection that was made."""
    REFUSED = "refused"
    """A lease that was not given, or a fill that was not stored: a removal came between."""
    ENDED = "ended"
    """The context, or the task, ended first."""
    ERROR = "error"
    """It failed; a connection that was lost."""


class Event(NamedTuple):
    """One operation, when it has ended.

    Attributes:
        operation: As the method of `Backend` is named: `stat`, `fill`,
            `begin_removal`, ...; `connection` for that to a server.
        tier: Who was asked.
        outcome: How it ended.
        seconds: How long it took.
        layers: How many it was about: 1, or more of a bulk form,
            which tells its hits and its misses apart.
        error: What was raised, with `ENDED` and `ERROR`.
    """

    operation: str
    tier: Tier
    outcome: Outcome
    seconds: float
    layers: int = 1
    error: BaseException | None = None


class Observer:
    """Is told what happens; derive from it, and override `observe`."""

    def observe(self, event: Event) -> None:
        """Take *event*; called in the middle of a request, so it must return at once.

        What it raises harms no request: the log has the first of it.
        """


class Incidents:
    """Failures that no caller gets as an error: a change of state is logged.

    Where some keys fail and others do not, each question would be such a change.
    So what failed again soon after it worked again counts as failing until it
    has not failed for a minute.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failing: set[str] = set()
        self._steady_from: dict[str, float] = {}  # of an operation that works again: when it has for a while

    def failed(self, operation: str, error: Exception) -> None:
        """*operation* failed; one corrupt entry says nothing of the state of the store."""
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
