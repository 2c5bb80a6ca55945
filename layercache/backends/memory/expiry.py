"""When what is known comes to its end, each half by itself."""

import random
from array import array
from collections.abc import Callable

from layercache.backends.memory.eviction import FIRST

Clock = Callable[[], float]  # Seconds from some fixed moment.

JITTER = 0.1  # Of a life, at most; so what was written together does not end together.


class Expiry:
    """The ends of what entries hold; an entry is a number, as in `Eviction`.

    Attributes:
        clock: What the ends are measured on.
        repositories: When the membership of each entry ends, if it has one.
        metas: When the meta of each entry ends, if it has one.
    """

    def __init__(self, ttl: float, clock: Clock) -> None:
        """A life takes *ttl* seconds, or up to a tenth less, on *clock*."""
        self._ttl = ttl
        self._random = random.Random()  # noqa: S311 (who guesses it gains nothing)
        self.clock = clock
        self.repositories: array[float] = array("d", [0.0] * FIRST)
        self.metas: array[float] = array("d", [0.0] * FIRST)

    def grow(self, more: int) -> None:
        """Make place for so many *more* entries."""
        self.repositories.extend([0.0] * more)
        self.metas.extend([0.0] * more)

    def end(self) -> float:
        """When a life that begins now ends."""
        return self.clock() + self._ttl * (1 - JITTER * self._random.random())
