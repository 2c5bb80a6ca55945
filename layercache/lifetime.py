"""Lifetime: how a context comes to its end, and who is told.

A lifetime hangs below at most one other. It knows its state in two ways:

- Asked (`check`), it looks at the clock and up its chain. An end that nobody saw
  happen is dated, so that the first cause wins, whoever asks first:

      1  upper is cancelled at 3 s              <- nobody told this one
      2  the deadline of this one passes, 5 s   <- nobody looked
      3  asked at 6 s: it was cancelled, at 3 s

- Watched (`bind`), it is told: from its first watcher on it hangs in the loop's
  timers and among the children of the one above.

So a lifetime nobody waits under costs no timer, no task and no reference from
above, and is free when it is dropped.

It is the base of what callers hold, `CancelableContext`: an object less for every
call that has a deadline. So what is not for them has an underscore, in `timers.py` too.

Limit: one thread; a lifetime belongs to the loop that its watchers run on.
"""

import asyncio
import logging
import math
from typing import NamedTuple, Protocol, Self

from layercache.errors import (
    CanceledError,
    ContextError,
    DeadlineExceededError,
    InvalidArgumentError,
    shortened,
)
from layercache.timers import Place, Timers

_log = logging.getLogger(__name__)

FEW = 64  # Watchers, or children, that are too few to be swept.


class Failable(Protocol):
    """What a lifetime needs of a future that watches it."""

    def done(self) -> bool:
        """Whether it has a result, an exception, or was cancelled."""

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop that it belongs to, which is running."""

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


# Of one that was left in time, with nothing below it that could ask when.
_CLOSED = End(-math.inf, CanceledError)


class Lifetime:
    """From a context's making to its end, which comes once; a `with` of it brings the end."""

    __slots__ = (
        "_children",
        "_crowd",
        "_end",
        "_ends_at",
        "_is_told",
        "_is_upper",
        "_parent",
        "_place",
        "_room",
        "_timers",
        "_upper",
        "_watcher",
    )

    def __init__(self, parent: object, upper: "Lifetime | None", ends_at: float, timers: Timers) -> None:
        """Begin one that ends at *ends_at* on the clock of *timers*, or with *upper*; keep *parent*."""
        self._parent = parent
        self._upper = upper
        self._is_told = self._is_upper = False
        if upper is not None:
            upper._is_upper = True
            ends_at = min(ends_at, upper._ends_at)
        self._ends_at: float = ends_at
        self._timers = timers
        self._place: Place | None = None
        self._end: End | None = None
        self._watcher: Failable | None = None
        self._crowd: list[Failable] | None = None  # Watchers beside the first; mostly there is one at a time.
        self._children: set[Lifetime] | None = None
        self._room = FEW

    def cancel(self, cause: BaseException | None = None) -> None:
        """End now, and with it all below, unless the end has come already.

        Args:
            cause: Why: what `cause()` returns, and the `__cause__` of the error.

        Raises:
            InvalidArgumentError: *cause* is no exception; nothing has ended.
        """
        if cause is not None and not isinstance(cause, BaseException):
            raise InvalidArgumentError(f"a cause is an exception, not {shortened(cause)}")
        if self._settle() is None:
            self._finish(End(self._timers.clock(), CanceledError, cause))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End, and leave nothing behind in the timers or above."""
        if self._end is None:
            # As `_look` does, whose call is a tenth of a context that is made, used and left.
            upper = self._upper
            while upper is not None and upper._end is None:
                upper = upper._upper
            if upper is not None or self._timers.clock() >= self._ends_at:
                self._settle()
            elif self._is_upper or self._crowd or (self._watcher is not None and not self._watcher.done()):
                self._finish(End(self._timers.clock(), CanceledError))
            else:
                self._end = _CLOSED
        if self._is_told:
            self._let_go()

    def _expire(self) -> None:
        """End because the deadline has passed: the timer's call."""
        self._place = None
        self._finish(End(self._ends_at, DeadlineExceededError))

    # ---- asked

    def check(self) -> None:
        """Return if the end has not come.

        Raises:
            CanceledError: It was cancelled; its `__cause__` says why, if told.
            DeadlineExceededError: Its deadline passed.
        """
        # The usual answer is found here; by a call of `_settle` it takes 100 ns more of 220.
        upper: Lifetime | None = self
        while upper is not None and upper._end is None:
            upper = upper._upper
        if upper is None and self._timers.clock() < self._ends_at:
            return
        if (end := self._settle()) is not None:
            raise end.error()

    def _settle(self) -> End | None:
        """The end, if it has come; from then on it is the same, and those below know."""
        if self._end is None and (end := self._look()) is not None:
            self._finish(end)
        return self._end

    def _look(self) -> End | None:
        """The end, if it has come; looking changes nothing."""
        upper: Lifetime | None = self
        while upper is not None and upper._end is None:
            upper = upper._upper
        end = None if upper is None else upper._end
        if upper is self or (self._timers.clock() if end is None else end.when) < self._ends_at:
            return end
        return End(self._ends_at, DeadlineExceededError)

    # ---- told

    def bind(self, future: Failable) -> None:
        """Make *future* fail at the end, if it is still pending then."""
        watcher = self._watcher
        if watcher is None and self._upper is not None:
            self._settle()  # While nobody watched, nobody was told of an end above.
        if self._end is not None:
            future.set_exception(self._end.error())
        elif watcher is None:
            self._watcher = future
            self._listen(future.get_loop())
        elif watcher.done():
            self._watcher = future
        else:
            self._crowd_in(future)

    def _crowd_in(self, future: Failable) -> None:
        # Who is done is swept out when the list has doubled: cheaper than if each left by itself.
        crowd = self._crowd
        if crowd is None:
            crowd = self._crowd = []
        elif len(crowd) >= self._room:
            crowd[:] = [watcher for watcher in crowd if not watcher.done()]
            self._room = max(FEW, 2 * len(crowd))
        crowd.append(future)

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        lifetime = self
        while not lifetime._is_told:
            lifetime._is_told = True
            upper = lifetime._upper
            if lifetime._ends_at < (math.inf if upper is None else upper._ends_at):
                timers = lifetime._timers
                if timers.loop is not loop:
                    timers = lifetime._timers = Timers.of(loop)
                if (noted := timers.noted) is None:
                    noted = timers.note()
                noted.add(lifetime)
                lifetime._place = noted
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
        if self._watcher is not None and not self._watcher.done():
            return True
        return bool(self._children) or any(not watcher.done() for watcher in self._crowd or ())

    def _let_go(self) -> None:
        """No longer be told; the next watcher begins that anew."""
        if not self._is_told:
            return
        self._is_told = False
        self._watcher = self._crowd = None
        if self._place is not None:
            self._place.discard(self)
            self._place = None
        if self._upper is not None and self._upper._children is not None:
            self._upper._children.discard(self)

    def _finish(self, end: End) -> None:
        lifetimes = [self]
        while lifetimes:
            lifetime = lifetimes.pop()
            if lifetime._end is not None:
                continue
            lifetime._end = end
            watcher, crowd, children = lifetime._watcher, lifetime._crowd, lifetime._children
            lifetime._let_go()
            lifetime._children = None
            lifetimes.extend(children or ())
            for waiting in (watcher, *(crowd or ())):
                try:
                    if waiting is not None and not waiting.done():
                        waiting.set_exception(end.error())
                except Exception:  # noqa: BLE001  # Of one future, on a loop that is closed, say: others are told.
                    _log.exception("%s cannot be told that its context has ended", shortened(waiting))
