"""What runs under a context ends with it, and cancels nothing else."""

import asyncio

import anyio
import pytest

from layercache.context import background
from layercache.context.timers import GRAIN
from layercache.errors import CanceledError, DeadlineExceededError
from tests.context.manual import ManualLoop, by_hand, turns


async def test_run_returns_what_it_awaited() -> None:
    """`run` returns the awaitable's result, or raises its own error, unchanged."""
    with background().with_timeout(60) as ctx:
        assert await ctx.run(asyncio.sleep(0, "answer")) == "answer"  # what suspends once, and returns

        async def fail() -> None:
            raise TimeoutError("its own")

        with pytest.raises(TimeoutError, match="its own"):
            await ctx.run(fail())


@by_hand
async def test_run_ends_with_the_context(loop: ManualLoop) -> None:
    """When the context ends, `run` cancels what it awaits, and raises the context's error."""
    ended: list[str] = []

    async def forever() -> None:
        try:
            await loop.create_future()
        finally:
            ended.append("cancelled")

    running = asyncio.ensure_future(background().with_timeout(1).run(forever()))
    await turns()
    await loop.advance(1 + GRAIN)
    with pytest.raises(DeadlineExceededError):
        await running
    assert ended == ["cancelled"]


async def test_run_starts_nothing_under_an_ended_context() -> None:
    """Under an expired context `run` raises at once, and closes the coroutine without running it."""
    started: list[int] = []

    async def work() -> None:
        started.append(1)

    with pytest.raises(DeadlineExceededError):
        await background().with_timeout(0).run(work())
    assert started == []


@pytest.mark.parametrize("order", ["cancel first", "deadline first"])
@pytest.mark.parametrize("way", ["run", "bind"])
def test_an_outer_cancel_arrives_as_itself(order: str, way: str) -> None:
    """`task.cancel()` raises a CancelledError even if the context ends in the same turn."""

    @by_hand
    async def scenario(loop: ManualLoop) -> None:
        ctx = background().with_timeout(1)

        async def work() -> None:
            future = loop.create_future()
            if way == "bind":
                ctx.bind(future)
                await future
            else:
                await ctx.run(future)

        task = asyncio.ensure_future(work())
        await turns()
        if order == "cancel first":
            task.cancel()
            await loop.advance(1 + GRAIN)
        else:
            ctx.cancel()
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    scenario()


@by_hand
async def test_run_keeps_the_task_usable(loop: ManualLoop) -> None:
    """After `run` raised the context's error, its task does not count as being cancelled."""
    task = asyncio.current_task()
    assert task is not None
    ctx = background().with_cancel()
    loop.call_soon(ctx.cancel)
    with pytest.raises(CanceledError):
        await ctx.run(loop.create_future())
    assert task.cancelling() == 0


@by_hand
async def test_scope_ends_with_the_context(loop: ManualLoop) -> None:
    """When the context ends, the anyio scope is cancelled, and catches the cancellation."""
    ctx = background().with_cancel()
    loop.call_soon(ctx.cancel)
    with ctx.scope() as scope:
        await anyio.sleep_forever()
    assert scope.cancelled_caught


@by_hand
async def test_scope_of_an_ended_context_is_cancelled_at_once(loop: ManualLoop) -> None:
    """The scope of a context that has ended is cancelled at once."""
    with background().with_timeout(0).scope() as scope:
        await anyio.sleep_forever()
    assert scope.cancelled_caught


@by_hand
async def test_scope_left_early_keeps_nothing(loop: ManualLoop) -> None:
    """A scope that was left is not cancelled when the context ends later."""
    ctx = background().with_cancel()
    with ctx.scope() as scope:
        pass
    ctx.cancel()
    await turns()
    assert not scope.cancel_called
