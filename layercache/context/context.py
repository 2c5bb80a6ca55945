"""Context: how long a call may take, who may end it, and what it carries.

The rules, as in Go's package of the same name:

- A context is the first argument of every operation, is named `ctx`, and is
  handed on, never stored.
- Contexts form a tree. A child's deadline is never later than its parent's;
  cancelling goes down and never up; the first cause in a chain wins.
- Leaving a `with` cancels the child and frees its timer:

      with background().with_timeout(0.25) as ctx:
          meta = await cache.stat(ctx, repo, dgst)

A context is for the tasks of one event loop: where it ends, it wakes them.

A context is immutable; what changes is the `Lifetime` that it shares with its
children, or that it began. An operation on `background()`, which has none,
pays next to nothing for its context.
"""

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import TypeVar, overload

import anyio

from layercache.context.callbacks import Callback
from layercache.context.lifetime import Failable, Lifetime
from layercache.context.loops import give_way, running_loop
from layercache.context.timers import NEVER, Timers
from layercache.errors import ContextError, EventLoopError, InvalidArgumentError, shown

T = TypeVar("T")
D = TypeVar("D")


class Context:
    """What a call is bound by; get one from `background()` and derive from it."""

    __slots__ = ()
    _parent: "Context | None"
    _item: tuple[object, object] | None

    @property
    def _life(self) -> Lifetime | None:
        """The nearest lifetime, from here upwards."""
        raise NotImplementedError

    # ---- deriving

    def with_timeout(self, seconds: float) -> "CancelableContext":
        """Return a child that ends *seconds* from now, or earlier if this one does.

        Args:
            seconds: Zero or less gives a child that has ended; infinity, or
                more than 3,000 years, one without a deadline of its own.

        Raises:
            InvalidArgumentError: *seconds* is not a number, or an int that is
                too large for a float.
        """
        life = self._life
        timers = Timers.current() if life is None else life._timers
        try:
            when = timers.clock() + seconds
            if not when < NEVER:
                when = _never(when)
        except (TypeError, OverflowError):
            raise _not_a_deadline(seconds) from None
        return CancelableContext(self, life, when, timers)

    def with_deadline(self, when: float) -> "CancelableContext":
        """Return a child that ends at *when* on the event loop's clock, `loop.time()`.

        It may be told of its end 10 ms late, never early.

        Raises:
            InvalidArgumentError: *when* is not a number, or an int that is
                too large for a float.
        """
        try:
            moment = 0.0 + when
            return self._with_end(moment if moment < NEVER else _never(moment))
        except (TypeError, OverflowError):
            raise _not_a_deadline(when) from None

    def with_cancel(self) -> "CancelableContext":
        """Return a child that ends when it is cancelled, or when this one ends."""
        return self._with_end(math.inf)

    def _with_end(self, when: float) -> "CancelableContext":
        life = self._life
        return CancelableContext(self, life, when, Timers.current() if life is None else life._timers)

    def with_value(self, key: object, value: object) -> "Context":
        """Return a child that carries *value* under *key*; keys compare by equality."""
        return _Carrier(self, self._life, (key, value))

    def without_cancel(self) -> "Context":
        """Return a child that keeps the values and never ends."""
        return _Carrier(self, None)

    # ---- asking

    @property
    def deadline(self) -> float | None:
        """When this context ends by itself, on the event loop's clock; None: never."""
        life = self._life
        return None if life is None or life._ends_at == math.inf else life._ends_at

    def err(self) -> ContextError | None:
        """Why this context ended, as a new exception; None while it has not."""
        end = None if self._life is None else self._life._settle()
        return None if end is None else end.error()

    def cause(self) -> BaseException | None:
        """What `cancel` was given; without that, what `err` returns."""
        end = None if self._life is None else self._life._settle()
        return None if end is None else end.cause or end.error()

    def check(self) -> None:
        """Return if this context has not ended.

        Raises:
            CanceledError: It was cancelled; its `__cause__` says why, if told.
            DeadlineExceededError: Its deadline passed.
        """
        if self._life is not None:
            self._life.check()

    def has_ended(self) -> bool:
        """Return whether this context has ended."""
        return self._life is not None and self._life.has_ended()

    async def fail(self) -> None:
        """Raise what `check` does, one turn of the loop later: who tries again at once stops nobody."""
        await give_way()
        self.check()

    @overload
    def value(self, key: object) -> object: ...
    @overload
    def value(self, key: object, default: D) -> object | D: ...
    def value(self, key: object, default: object = None) -> object:
        """Return the value that the nearest context, from here upwards, has under *key*."""
        context: Context | None = self
        while context is not None:
            if context._item is not None and context._item[0] == key:
                return context._item[1]
            context = context._parent
        return default

    # ---- waiting

    def bind(self, future: Failable) -> None:
        """Have *future*, an asyncio future, fail with this context's error if it ends first.

        This is how a backend waits under a context: it costs no task and, on a
        context that cannot end, nothing.
        """
        if self._life is not None:
            self._life.bind(future)

    async def wait(self) -> None:
        """Return when this context has ended; under one that cannot end, never.

        Raises:
            EventLoopError: No event loop of asyncio runs.
        """
        ended: asyncio.Future[None] = running_loop().create_future()
        self.bind(ended)
        with contextlib.suppress(ContextError):
            await ended

    def after_func(self, function: Callable[[], object]) -> Callable[[], bool]:
        """Have the loop call *function* once, in the turn after this context ended.

        If it has ended already, that is the next turn.

        Returns:
            A function that takes the order back; True iff that was in time.

        Raises:
            EventLoopError: No event loop of asyncio runs.
        """
        return Callback(self, function).stop

    @contextlib.contextmanager
    def scope(self) -> Iterator[anyio.CancelScope]:
        """Enter an anyio cancel scope that is cancelled when this context ends."""
        with anyio.CancelScope() as scope:
            if self.err() is not None:
                scope.cancel()
            stop = self.after_func(scope.cancel)
            try:
                yield scope
            finally:
                stop()

    async def run(self, awaitable: Awaitable[T]) -> T:
        """Await *awaitable*, which is cancelled if this context ends first.

        It runs in the task that calls, so a cancellation of that task from
        outside arrives as itself, even in the turn in which the context ends.

        Raises:
            ContextError: The context ended first.
            EventLoopError: No event loop of asyncio runs.
        """
        if self._life is None:
            return await awaitable
        try:
            running_loop()
            self.check()
        except (ContextError, EventLoopError):
            if isinstance(awaitable, Coroutine):
                awaitable.close()
            raise
        limit = asyncio.timeout(None)
        try:
            async with limit:
                stop = self.after_func(lambda: limit.reschedule(0))
                try:
                    return await awaitable
                finally:
                    stop()
        except TimeoutError:
            if limit.expired():
                self.check()
            raise

    def __repr__(self) -> str:
        carried = "" if self._item is None else f" with {self._item[0]!r}"
        return f"<Context {self._state()}{carried}>"

    def _state(self) -> str:
        if self._life is None:
            return "background"
        if (end := self._life._look()) is not None:
            return str(end.error()).removeprefix("context ")
        return (
            "open"
            if self._life._ends_at == math.inf
            else f"ends in {self._life._ends_at - Timers.current().clock():.3f} s"
        )


class _Carrier(Context):
    """A context without a lifetime of its own: the root, or what carries a value."""

    __slots__ = ("_item", "_life", "_parent")
    _life: Lifetime | None

    def __init__(
        self, parent: Context | None, life: Lifetime | None, item: tuple[object, object] | None = None
    ) -> None:
        self._parent = parent
        self._life = life
        self._item = item


class CancelableContext(Lifetime, Context):
    """A context that began a lifetime, and can end it."""

    __slots__ = ()
    _parent: Context
    _item = None

    @property
    def _life(self) -> Lifetime:
        return self


def _never(when: float) -> float:
    """Infinity, for *when* is too late to come, or is no number at all."""
    if math.isnan(when):
        raise _not_a_deadline(when)
    return math.inf


def _not_a_deadline(seconds: object) -> InvalidArgumentError:
    return InvalidArgumentError(f"a deadline is a number of seconds, not {shown(seconds)}")


def background() -> Context:
    """Return the root: it has no deadline, carries no values and never ends."""
    return ROOT


ROOT: Context = _Carrier(None, None)
