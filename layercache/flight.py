"""Single flight: many callers, one load.

The load runs in a task of its own, not in the first caller. If that caller is
cancelled, the others still need the answer:

    1  A misses, starts the flight
    2  B misses, joins it
    3  A is cancelled              <- must not cancel the flight
    4  the flight lands            <- B gets the answer

Had B left too, nobody would wait any more, and the flight is stopped.

A flight is joined only until it departs, that is, asks something whose answer
it will give. Joined later, its answer could be older than the caller:

    1  A's flight asks the storage, which says "yes"
    2  the layer is deleted, and that is acknowledged
    3  B, who knows of it, joins the flight      <- would be told "yes"

Who comes after the departure boards the next flight, which waits until the one
before has landed. So however many ask, and however slow the storage is, there
is one load at a time for a key.

Invariant: a flight is in `boarding` exactly while it may be joined, and in
`flying` from its departure until it has landed; in neither if all left before.
It is `alive` until it has landed, whatever became of it: who closes waits for
it, since what it asked may be closed next. It is in these tables before its
task exists, for an eager task runs while it is being made:

    1  A misses, the flight's task is made, runs at once and departs
    2  the flight is registered as one that may be joined
    3  B joins it                  <- after its departure; if it had landed, for ever

It lands however its task ended, cancelled from outside too: then those who wait
are given an error, for nobody has cancelled them.
Limit: one process; two processes may load the same key at once.
"""

import asyncio
import copy
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from typing import Generic, TypeVar

from layercache.context import CancelableContext, Context
from layercache.errors import (
    BackendError,
    BackendUnavailableError,
    ContextError,
    DeadlineExceededError,
    LayerCacheError,
    shortened,
)

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Flight(Generic[K, T]):
    """One load, and those who wait for it."""

    def __init__(self, flights: "Flights[K, T]", key: K, ctx: Context, seconds: float) -> None:
        self.key = key
        self.before: Flight[K, T] | None = flights.flying.get(key)
        self.ctx: CancelableContext = ctx.without_cancel().with_timeout(seconds)
        self.landed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flights = flights
        self._seats: set[asyncio.Future[T]] = set()
        self._task: asyncio.Task[T] | None = None

    def start(self) -> None:
        """Begin the load, of a flight that is registered: an eager task runs before this returns."""
        self._task = asyncio.create_task(self._fly())
        # A callback, since a task that is cancelled before its first step runs nothing of its coroutine.
        self._task.add_done_callback(self._land)

    def depart(self) -> None:
        """Let nobody join any more: what is asked from now on is answered to those aboard."""
        if self._close_door():
            self._flights.flying[self.key] = self

    async def ride(self, ctx: Context) -> T:
        """Wait for the answer under *ctx*; the last one to leave early stops the flight."""
        seat: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._seats.add(seat)
        ctx.bind(seat)
        try:
            return await seat
        finally:
            self._seats.discard(seat)
            if not self._seats and not self.landed.done():
                self._close_door()
                self.ctx.cancel()

    async def _fly(self) -> T:
        with self.ctx:
            return await self.ctx.run(self._load())

    async def _load(self) -> T:
        if self.before is not None:
            await asyncio.wait([self.before.landed])
        return await self._flights.load(self)

    def _land(self, task: "asyncio.Task[T]") -> None:
        self.before = None  # Else each would keep all that flew before it, while a key is in demand.
        self._close_door()
        self._flights.alive.discard(self)
        if self._flights.flying.get(self.key) is self:
            del self._flights.flying[self.key]
        self.landed.set_result(None)
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        for seat in self._disembark():
            if error is None:
                seat.set_result(task.result())
            else:
                seat.set_exception(_own_copy(error))

    def _close_door(self) -> bool:
        """Let nobody join any more; whether somebody could until now."""
        could_be_joined = self._flights.boarding.get(self.key) is self
        if could_be_joined:
            del self._flights.boarding[self.key]
        return could_be_joined

    def _disembark(self) -> list[asyncio.Future[T]]:
        waiting = [seat for seat in self._seats if not seat.done()]
        self._seats.clear()
        return waiting


class Flights(Generic[K, T]):
    """The flights of one cache, by key."""

    def __init__(self, load: Callable[[Flight[K, T]], Awaitable[T]], seconds: float) -> None:
        """Have each flight await *load*, which calls `depart` in time, for *seconds* at most."""
        self.load = load
        self.boarding: dict[K, Flight[K, T]] = {}
        self.flying: dict[K, Flight[K, T]] = {}
        self.alive: set[Flight[K, T]] = set()
        self._seconds = seconds

    async def join(self, ctx: Context, key: K) -> T:
        """Return what the load of *key* returns, or raise its error.

        Raises:
            ContextError: *ctx* ended first; the others aboard are not disturbed.
            BackendUnavailableError: The load took too long, or its task was cancelled.
            BackendError: The load raised something that is not of this library.
        """
        flight = self.boarding.get(key)
        if flight is None:
            flight = self.boarding[key] = Flight(self, key, ctx, self._seconds)
            self.alive.add(flight)
            flight.start()
        return await flight.ride(ctx)

    async def aclose(self) -> None:
        """Stop all flights, and see them end; those who wait are told that the source is unavailable."""
        flights = list(self.alive)
        for flight in flights:
            flight.ctx.cancel()
        if flights:
            await asyncio.wait([flight.landed for flight in flights])


def _own_copy(error: BaseException) -> LayerCacheError:
    """A copy for one who waits: a shared exception would collect everybody's traceback."""
    if isinstance(error, DeadlineExceededError):
        own: LayerCacheError = BackendUnavailableError("the source did not answer in time")
    elif isinstance(error, ContextError | asyncio.CancelledError):
        own = BackendUnavailableError("the source is no longer asked: the task that asked it was stopped")
    else:
        own = _twin(error) or BackendError(f"the source failed: {shortened(error)}")
    own.__cause__ = error
    return own


def _twin(error: BaseException) -> LayerCacheError | None:
    """A copy, if *error* is ours and can be copied: one that a source derived may not take its own `args`."""
    if isinstance(error, LayerCacheError):
        with suppress(Exception):  # Raised here, it would leave those who wait without any answer.
            return copy.copy(error)
    return None
