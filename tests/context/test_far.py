"""Unreachable deadlines, and watchers that cannot be notified: they harm no other context."""

import asyncio
import math
import sys
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest

from layercache.context import background
from layercache.context.timers import GRAIN, NEVER
from layercache.errors import CanceledError, DeadlineExceededError, InvalidArgumentError, shown
from tests.context.manual import ManualLoop, by_hand, turns

FAR = [NEVER, 1e12, 1e308, sys.float_info.max, math.inf, 10**12, 10**300]
NO_DEADLINES = [math.nan, 10**400, -(10**400), 10**5000, Decimal(1), Decimal("NaN"), "1", b"1", None, 1j, [1]]


class Unsettable:
    """A future whose `set_exception` raises."""

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
async def test_a_far_deadline_delays_no_other(derive: str) -> None:
    """Whatever other deadlines the timers hold, a deadline comes in time."""
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
    """A deadline that is more than 3,000 years away is none."""
    for ctx in (background().with_timeout(seconds), background().with_deadline(seconds)):
        assert (ctx.deadline, ctx.err()) == (None, None)


@by_hand
async def test_a_distant_deadline_is_kept(loop: ManualLoop) -> None:
    """A deadline that is up to 3,000 years away is kept, and comes."""
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
async def test_a_deadline_in_the_past_has_passed(seconds: float) -> None:
    """A context whose deadline is in the past, however long ago, has ended."""
    assert isinstance(background().with_timeout(seconds).err(), DeadlineExceededError)
    assert isinstance(background().with_deadline(seconds).err(), DeadlineExceededError)


@by_hand
async def test_any_number_is_a_deadline(loop: ManualLoop) -> None:
    """A deadline may be an int, or another number that can be added to a float."""
    for seconds in (1, True, Fraction(1, 3), 0.25):
        assert background().with_timeout(seconds).deadline == 1000 + float(seconds)  # type: ignore[arg-type]
        deadline = background().with_deadline(1000 + seconds).deadline
        assert deadline == 1000 + float(seconds)


@pytest.mark.parametrize("derive", ["with_timeout", "with_deadline"])
@pytest.mark.parametrize("seconds", NO_DEADLINES, ids=shown)
async def test_what_is_no_number_is_refused(derive: str, seconds: object) -> None:
    """A deadline that is no number, or more than a float can hold, is an `InvalidArgumentError` at once."""
    with pytest.raises(InvalidArgumentError, match="a deadline is a number of seconds"):
        getattr(background(), derive)(seconds)


@by_hand
async def test_a_watcher_that_cannot_be_notified_at_the_deadline(loop: ManualLoop) -> None:
    """A future that refuses its exception is skipped, and all others still fail at their deadline."""
    futures = []
    for error in (RuntimeError("Event loop is closed"), asyncio.InvalidStateError(), OSError()) * 5:
        ctx = background().with_timeout(1)
        for watcher in (loop.create_future(), Unsettable(loop, error), loop.create_future()):
            ctx.bind(watcher)
            if isinstance(watcher, asyncio.Future):
                futures.append(watcher)
    await loop.advance(GRAIN)
    await loop.advance(1)
    assert {type(future.exception()) for future in futures} == {DeadlineExceededError}


@by_hand
async def test_a_watcher_that_cannot_be_notified_of_a_cancellation(loop: ManualLoop) -> None:
    """Cancelling the context of many requests reaches all futures but those that refuse it."""
    server = background().with_cancel()
    futures: list[asyncio.Future[None]] = [loop.create_future() for _ in range(20)]
    for number, future in enumerate(futures):
        request = server.with_timeout(60)
        request.bind(Unsettable(loop, OSError()))
        request.bind(future)
        if number % 2:
            request.with_cancel().bind(Unsettable(loop, OSError()))
    server.cancel()
    assert {type(future.exception()) for future in futures} == {CanceledError}


@pytest.mark.parametrize("cause", ["client gone", 7, ValueError, object()], ids=shown)
async def test_a_cause_is_an_exception(cause: object) -> None:
    """A cause that is no exception is refused, and the context does not end."""
    ctx = background().with_cancel()
    with pytest.raises(InvalidArgumentError, match="a cause is an exception"):
        ctx.cancel(cause)  # type: ignore[arg-type]  # what an untyped caller may do
    assert ctx.err() is None


@by_hand
async def test_an_after_func_that_raises_harms_no_other(loop: ManualLoop) -> None:
    """If a function of `after_func` raises, the loop reports it, and all others run."""
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
