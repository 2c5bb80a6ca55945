"""Deadlines that no clock reaches, and watchers that cannot be told: nobody else's loss."""

import asyncio
import math
import sys
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest

from layercache.context import background
from layercache.errors import CanceledError, DeadlineExceededError, InvalidArgumentError, shortened
from layercache.timers import GRAIN, NEVER
from tests.context.manual import ManualLoop, by_hand, turns

FAR = [NEVER, 1e12, 1e308, sys.float_info.max, math.inf, 10**12, 10**300]
NO_DEADLINES = [math.nan, 10**400, -(10**400), 10**5000, Decimal(1), Decimal("NaN"), "1", b"1", None, 1j, [1]]


class Untellable:
    """A future of somebody's that cannot be made to fail."""

    def __init__(self, loop: asyncio.AbstractEventLoop, error: BaseException) -> None:
        self._loop = loop
        self._error = error

    def done(self) -> bool:
        return False

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def set_exception(self, exception: BaseException, /) -> None:
        raise self._error


@pytest.mark.every_loop
@pytest.mark.parametrize("derive", ["with_timeout", "with_deadline"])
async def test_a_far_deadline_costs_nobody_theirs(derive: str) -> None:
    """Whatever deadline stands beside it in the timers, another one comes in time."""
    loop = asyncio.get_running_loop()
    for seconds in FAR:
        getattr(background(), derive)(seconds).bind(loop.create_future())
    contexts = [background().with_timeout(0.02) for _ in range(10)]
    for seconds in FAR:
        getattr(background(), derive)(seconds).bind(loop.create_future())
    async with asyncio.timeout(10):
        for ctx in contexts:
            await ctx.wait()
            assert isinstance(ctx.err(), DeadlineExceededError)


@pytest.mark.parametrize("seconds", FAR)
async def test_a_far_deadline_is_none(seconds: float) -> None:
    """A deadline that is more than 3,000 years away is as good as infinity."""
    for ctx in (background().with_timeout(seconds), background().with_deadline(seconds)):
        assert (ctx.deadline, ctx.err()) == (None, None)


@by_hand
async def test_a_distant_deadline_is_kept(loop: ManualLoop) -> None:
    """What is years away is noted as what it is, and comes."""
    futures = {years * 365 * 86_400.0: loop.create_future() for years in (1, 100, 3_000)}
    for seconds, future in futures.items():
        background().with_deadline(seconds).bind(future)
    await loop.advance(GRAIN)
    for seconds, future in futures.items():
        await loop.advance(seconds - loop.time() - 1)
        assert not future.done()
        await loop.advance(2)
        assert isinstance(future.exception(), DeadlineExceededError)


@pytest.mark.parametrize(
    "seconds", [-math.inf, -sys.float_info.max, -1e12, 0, -0.0, Fraction(-1, 3)], ids=str
)
async def test_what_is_past_has_ended(seconds: float) -> None:
    """A deadline that has passed, however long ago, is an end."""
    assert isinstance(background().with_timeout(seconds).err(), DeadlineExceededError)
    assert isinstance(background().with_deadline(seconds).err(), DeadlineExceededError)


@by_hand
async def test_any_number_is_a_time(loop: ManualLoop) -> None:
    """An int, and what else adds to a float, is a number of seconds."""
    for seconds in (1, True, Fraction(1, 3), 0.25):
        assert background().with_timeout(seconds).deadline == 1000 + float(seconds)  # type: ignore[arg-type]
        deadline = background().with_deadline(1000 + seconds).deadline
        assert deadline == 1000 + float(seconds)


@pytest.mark.parametrize("derive", ["with_timeout", "with_deadline"])
@pytest.mark.parametrize("seconds", NO_DEADLINES, ids=shortened)
async def test_what_is_no_number_is_refused(derive: str, seconds: object) -> None:
    """What is no number, or more than a float can hold, is an `InvalidArgumentError` where it is said."""
    with pytest.raises(InvalidArgumentError, match="a deadline is a number of seconds"):
        getattr(background(), derive)(seconds)


@by_hand
async def test_a_watcher_that_cannot_be_told_keeps_nobody_waiting(loop: ManualLoop) -> None:
    """A future that refuses its exception is left; those of other contexts, and of its own, are told."""
    futures = []
    for error in (RuntimeError("Event loop is closed"), asyncio.InvalidStateError(), OSError()) * 5:
        ctx = background().with_timeout(1)
        for watcher in (loop.create_future(), Untellable(loop, error), loop.create_future()):
            ctx.bind(watcher)
            if isinstance(watcher, asyncio.Future):
                futures.append(watcher)
    await loop.advance(GRAIN)
    await loop.advance(1)
    assert {type(future.exception()) for future in futures} == {DeadlineExceededError}


@by_hand
async def test_a_cancellation_passes_who_cannot_be_told(loop: ManualLoop) -> None:
    """Cancelling the context of many requests reaches all of them, though one cannot be told."""
    server = background().with_cancel()
    futures: list[asyncio.Future[None]] = [loop.create_future() for _ in range(20)]
    for number, future in enumerate(futures):
        request = server.with_timeout(60)
        request.bind(Untellable(loop, OSError()))
        request.bind(future)
        if number % 2:
            request.with_cancel().bind(Untellable(loop, OSError()))
    server.cancel()
    assert {type(future.exception()) for future in futures} == {CanceledError}


@pytest.mark.parametrize("cause", ["client gone", 7, ValueError, object()], ids=shortened)
async def test_a_cause_is_an_exception(cause: object) -> None:
    """What cannot be the cause of an error is refused, and ends nothing."""
    ctx = background().with_cancel()
    with pytest.raises(InvalidArgumentError, match="a cause is an exception"):
        ctx.cancel(cause)  # type: ignore[arg-type]  # what an untyped caller may do
    assert ctx.err() is None


@by_hand
async def test_an_after_func_that_raises_harms_nobody(loop: ManualLoop) -> None:
    """What a function raises that waited for the end is the loop's to report; all others run."""
    reported: list[object] = []
    loop.set_exception_handler(lambda _, about: reported.append(about["exception"]))
    ran: list[int] = []
    error = OSError("a handler's bug")

    def fail() -> None:
        raise error

    functions: list[Callable[[], object]] = [fail, lambda: ran.append(1), fail, lambda: ran.append(2)]
    ctx = background().with_timeout(1)
    for function in functions:
        ctx.after_func(function)
    await loop.advance(GRAIN)
    await loop.advance(1)
    await turns()
    assert (ran, reported) == ([1, 2], [error, error])
