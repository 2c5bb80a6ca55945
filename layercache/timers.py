"""Deadlines of one event loop: told late by at most a grain, never early.

`loop.call_at` costs 1.9 us, most of it in comparing timer handles, and a
context per call would pay it on every call. But nearly every call is over long
before its deadline. So whoever comes is only noted, and leaves again for next to
nothing. Once in a grain those who are still there are sorted into buckets, where
the deadlines that fall into one grain share one handle of the loop.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Protocol

GRAIN = 0.01  # seconds

# A deadline from here on never comes. It is three thousand years away, and a float tells
# the ticks around it apart; near the largest float there are no ticks, and no timer of asyncio's.
NEVER = 1e11  # seconds on a loop's clock


class Place(Protocol):
    """Where somebody waits for a deadline: a plain set, mostly, which is left without a frame of Python."""

    def discard(self, member: object, /) -> None:
        """Take *member* out, if it is in."""


class Expirable(Protocol):
    """Who has a deadline: hashable by identity."""

    _ends_at: float
    _place: Place | None  # Where it waits; it is moved.

    def _expire(self) -> None:
        """The deadline has passed."""


class Bucket(set[Expirable]):
    """Those whose deadlines fall into one grain; its timer lives while it has members."""

    __slots__ = ("_handle", "_tick", "_timers")

    def __init__(self, timers: "Timers", tick: int) -> None:
        super().__init__()
        self._timers = timers
        self._tick = tick
        self._handle = asyncio.get_running_loop().call_at(tick * GRAIN, self._turn)

    def discard(self, member: object) -> None:
        """Take *member* out, if it is in; the last one out stops the timer."""
        super().discard(member)
        if not self and self._timers.buckets.pop(self._tick, None) is not None:
            self._handle.cancel()

    def _turn(self) -> None:
        self._timers.buckets.pop(self._tick, None)
        while self:
            self.pop()._expire()


class Timers:
    """The deadlines of one loop.

    Attributes:
        loop: None outside of a loop.
        clock: The loop's; outside of a loop, the one that loops use.
        buckets: By tick, so many grains on that clock.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self.loop = loop
        self.clock: Callable[[], float] = time.monotonic if loop is None or _is_plain(loop) else loop.time
        self.buckets: dict[int, Bucket] = {}
        self.noted: set[Expirable] | None = None

    @staticmethod
    def current() -> "Timers":
        """Those of the running loop; outside of a loop, some that have a clock and no more."""
        # Before Python 3.12 get_running_loop() asks the kernel which process this is: 130 ns of 360.
        found = _of_thread.timers
        if found is not None and found.loop is not None and found.loop.is_running():
            return found
        try:
            return Timers.of(asyncio.get_running_loop())
        except RuntimeError:
            return Timers(None)

    @staticmethod
    def of(loop: asyncio.AbstractEventLoop) -> "Timers":
        """Those of *loop*, which runs in this thread."""
        found = _of_thread.timers
        if found is None or found.loop is not loop:
            found = _of_thread.timers = Timers(loop)
        return found

    def note(self) -> set[Expirable]:
        """Begin to note who has a deadline, and sort them a grain later."""
        noted: set[Expirable] = set()
        self.noted = noted
        asyncio.get_running_loop().call_later(GRAIN, self._sort)
        return noted

    def _sort(self) -> None:
        noted, self.noted = self.noted, None
        now = self.clock()
        while noted:
            member = noted.pop()
            if member._ends_at <= now:
                member._expire()
            else:
                self._sort_in(member)

    def _sort_in(self, member: Expirable) -> None:
        tick = int(member._ends_at / GRAIN) + 1
        bucket = self.buckets.get(tick)
        if bucket is None:
            bucket = self.buckets[tick] = Bucket(self, tick)
        bucket.add(member)
        member._place = bucket


def _is_plain(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether the clock of *loop* is time.monotonic in a frame of Python, which is 40 ns of 90."""
    return getattr(loop.time, "__func__", None) is asyncio.BaseEventLoop.time


# The one state of this module: a thread runs one loop at a time, and a weak
# dictionary by loop costs as much as the timer that it would save.
class _OfThread(threading.local):
    timers: Timers | None = None


_of_thread = _OfThread()
