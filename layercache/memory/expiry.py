"""When parts of what is known come to their end."""

import random
from array import array
from collections.abc import Callable

from layercache.memory.eviction import FIRST

Clock = Callable[[], float]  # Seconds from some fixed moment.

JITTER = 0.1  # Of a life, at most; so what was written together does not end together.


class Expiry:
    """The end of each entry's part; an entry is a number, as in `Eviction`."""

    def __init__(self, ttl: float, clock: Clock) -> None:
        """A part lives *ttl* seconds, or up to a tenth less, on *clock*."""
        self._ttl = ttl
        self._clock = clock
        self._random = random.Random()  # noqa: S311 (who guesses it gains nothing)
        self._ends = array("d", [0.0] * FIRST)

    def grow(self, more: int) -> None:
        """Make place for so many *more* entries."""
        self._ends.extend([0.0] * more)

    def begin(self, entry: int) -> None:
        """The life of *entry* begins, anew if it had one."""
        self._ends[entry] = self._clock() + self._ttl * (1 - JITTER * self._random.random())

    def is_over(self, entry: int) -> bool:
        """Whether the life of *entry*, which has begun, has come to its end."""
        return self._ends[entry] <= self._clock()
