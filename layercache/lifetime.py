"""Lifetime: how a context comes to its end, and who is told.

A lifetime hangs below at most one other. It knows its state in two ways:

- Asked (`end`), it looks at the clock and up its chain. An end that nobody saw
  happen is dated, so that the first cause wins, whoever asks first:

      1  upper is cancelled at 3 s              <- nobody told this one
      2  the deadline of this one passes, 5 s   <- nobody looked
      3  asked at 6 s: it was cancelled, at 3 s

- Watched (`watch`), it is told: from its first watcher on it hangs in a bucket
  of the loop's timers and among the children of the one above.

So a lifetime nobody waits under costs no timer, no task and no reference from
above, and is free when it is dropped.

Limit: one thread; a lifetime belongs to the loop that its watchers run on.
"""

import asyncio
import math
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from layercache.errors import CanceledError, ContextError, DeadlineExceededError
from layercache.timers import Bucket, Timers

FEW = 64  # Watchers, or children, that are too few to be swept.


class Failable(Protocol):
    """What a lifetime needs of a future that watches it."""

    def done(self) -> bool:
        """Whether it has a result, an exception, or was cancelled."""

    def set_exception(self, exception: BaseException, /) -> None:
        """Make it fail with *exception*."""


class End(NamedTuple):
    """When and why a lifetime ended."""

    when: float
    kind: type[ContextError]
    cause: BaseException | None = None

    def error(self) -> ContextError:
        """A new exception each time: a shared one would collect tracebacks."""
        error = self.kind()
        error.__cause__ = self.cause
        return error


# Of one that was closed in time, with nothing below it that could ask when.
_CLOSED = End(-math.inf, CanceledError)


class Lifetime:
    """From a context's making to its end, which comes once."""

    __slots__ = (
        "_bucket",
        "_children",
        "_end",
        "_is_told",
        "_is_upper",
        "_room",
        "_upper",
        "_watchers",
        "clock",
        "deadline",
    )

    def __init__(self, upper: "Lifetime | None", deadline: float, clock: Callable[[], float]) -> None:
        """Hang a new lifetime below *upper*; its *deadline* is infinity or on *clock*, the loop's."""
        self._upper = upper
        if upper is not None:
            upper._is_upper = True
        # Kept, because to find the loop costs more than to ask it.
        self.clock: Callable[[], float] = clock
        self.deadline: float = deadline if upper is None or deadline < upper.deadline else upper.deadline
        self._end: End | None = None
        self._watchers: list[Failable] | None = None
        self._children: set[Lifetime] | None = None
        self._room = FEW
        self._bucket: Bucket | None = None
        self._is_told = False
        self._is_upper: bool = False

    def cancel(self, cause: BaseException | None) -> None:
        """End now, and with it all below, unless the end has come already."""
        if self.end() is None:
            self._finish(End(self.clock(), CanceledError, cause))

    def expire(self) -> None:
        """End because the deadline has passed: the timer's call."""
        self._bucket = None
        self._finish(End(self.deadline, DeadlineExceededError))

    def close(self) -> None:
        """End, and leave nothing behind in the timers or above."""
        if self._is_upper or self._is_watched():
            self.cancel(None)
        elif self._end is None:
            self._end = self.look() or _CLOSED
        self._let_go()

    # ---- asked

    def end(self) -> End | None:
        """The end, if it has come; from then on it is the same, and those below know."""
        if self._end is None and (end := self.look()) is not None:
            self._finish(end)
        return self._end

    def look(self) -> End | None:
        """The end, if it has come; looking changes nothing."""
        upper: Lifetime | None = self
        while upper is not None and upper._end is None:
            upper = upper._upper
        end = None if upper is None else upper._end
        if upper is self or (self.clock() if end is None else end.when) < self.deadline:
            return end
        return End(self.deadline, DeadlineExceededError)

    # ---- told

    def watch(self, future: Failable) -> None:
        """Make *future* fail at the end, if it is still pending then.

        Those that are done are swept out when the list has doubled, which
        costs a watcher less than to leave by itself.
        """
        if self._end is not None:
            future.set_exception(self._end.error())
            return
        watchers = self._watchers
        if watchers is None:
            watchers = self._watchers = []
            self._listen()
        elif len(watchers) >= self._room:
            watchers[:] = [watcher for watcher in watchers if not watcher.done()]
            self._room = max(FEW, 2 * len(watchers))
        watchers.append(future)

    def _listen(self) -> None:
        lifetime = self
        while not lifetime._is_told:
            lifetime._is_told = True
            upper = lifetime._upper
            if lifetime.deadline < (math.inf if upper is None else upper.deadline):
                lifetime._bucket = Timers.current().hang(lifetime, lifetime.deadline)
            if upper is None:
                return
            upper._adopt(lifetime)
            lifetime = upper

    def _adopt(self, child: "Lifetime") -> None:
        children = self._children
        if children is None:
            children = self._children = set()
        elif len(children) >= self._room:
            for idle in [child for child in children if not child._is_watched()]:
                idle._let_go()
            self._room = max(FEW, 2 * len(children))
        children.add(child)

    def _is_watched(self) -> bool:
        if self._watchers:
            for watcher in self._watchers:
                if not watcher.done():
                    return True
        return bool(self._children)

    def _let_go(self) -> None:
        """No longer be told; the next watcher begins that anew."""
        if not self._is_told:
            return
        self._is_told = False
        self._watchers = None
        if self._bucket is not None:
            self._bucket.leave(self)
            self._bucket = None
        if self._upper is not None and self._upper._children is not None:
            self._upper._children.discard(self)

    def _finish(self, end: End) -> None:
        lifetimes = [self]
        while lifetimes:
            lifetime = lifetimes.pop()
            if lifetime._end is not None:
                continue
            lifetime._end = end
            watchers, children = lifetime._watchers, lifetime._children
            lifetime._let_go()
            lifetime._children = None
            lifetimes.extend(children or ())
            for watcher in watchers or ():
                if not watcher.done():
                    watcher.set_exception(end.error())


def clock() -> Callable[[], float]:
    """The loop's clock; outside of a loop, the one that loops use."""
    try:
        found = asyncio.get_running_loop().time
    except RuntimeError:
        return time.monotonic
    # This is all that asyncio's own loops do, in a frame of Python: 40 ns of 90.
    is_plain = getattr(found, "__func__", None) is asyncio.BaseEventLoop.time
    return time.monotonic if is_plain else found


def now() -> float:
    """What the loop's clock says."""
    return clock()()
