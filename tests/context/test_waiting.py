"""What waits under a context is told in time, once, and leaves nothing behind."""

import asyncio
import gc
import weakref

import anyio
import pytest

from layercache.context import background
from layercache.errors import CanceledError, DeadlineExceededError
from layercache.lifetime import FEW, Lifetime
from layercache.timers import GRAIN
from tests.context.manual import ManualLoop, by_hand, turns


def count_lifetimes() -> int:
    gc.collect()
    return sum(type(thing) is Lifetime for thing in gc.get_objects())


@by_hand
async def test_a_bound_future_fails_at_the_deadline(loop: ManualLoop) -> None:
    """A pending future gets the context's error at its deadline: never early, a grain late at most."""
    future = loop.create_future()
    background().with_timeout(1).bind(future)
    await loop.advance(0.999)
    assert not future.done()
    await loop.advance(0.001 + GRAIN)
    assert isinstance(future.exception(), DeadlineExceededError)


@by_hand
async def test_a_bound_future_fails_when_an_upper_context_is_cancelled(loop: ManualLoop) -> None:
    """Cancelling reaches a future through contexts that nobody else waits under."""
    root = background().with_cancel()
    future = loop.create_future()
    root.with_timeout(60).with_value("key", 1).with_cancel().bind(future)
    root.cancel()
    assert isinstance(future.exception(), CanceledError)


@by_hand
async def test_a_future_that_is_done_is_left_alone(loop: ManualLoop) -> None:
    """The end of a context does not touch a result, or a cancellation, that came before."""
    ctx = background().with_cancel()
    answered, abandoned = loop.create_future(), loop.create_future()
    ctx.bind(answered)
    ctx.bind(abandoned)
    answered.set_result(1)
    abandoned.cancel()
    ctx.cancel()
    assert answered.result() == 1
    assert abandoned.cancelled()


@by_hand
async def test_a_future_bound_too_late_fails_at_once(loop: ManualLoop) -> None:
    """Binding to a context that has ended fails the future immediately."""
    ctx = background().with_cancel()
    ctx.cancel()
    future = loop.create_future()
    ctx.bind(future)
    assert isinstance(future.exception(), CanceledError)


@by_hand
async def test_an_end_that_nobody_saw_is_dated(loop: ManualLoop) -> None:
    """The first cause wins, though nobody looked or waited when it came."""
    upper = background().with_cancel()
    first_cancelled = upper.with_timeout(5)
    first_expired = upper.with_timeout(1)
    await loop.advance(3)
    upper.cancel()
    await loop.advance(6)
    assert isinstance(first_cancelled.err(), CanceledError)
    assert isinstance(first_expired.err(), DeadlineExceededError)


@by_hand
async def test_wait_returns_at_the_end(loop: ManualLoop) -> None:
    """`wait` returns when the context ends, by whatever cause, and not before."""
    ctx = background().with_timeout(1)
    waiting = asyncio.ensure_future(ctx.wait())
    await loop.advance(0.5)
    assert not waiting.done()
    ctx.cancel()
    await waiting


@by_hand
async def test_after_func_runs_once(loop: ManualLoop) -> None:
    """The function runs once, in a turn of the loop after the end, and a late `stop` says False."""
    ctx = background().with_timeout(1)
    runs: list[int] = []
    stop = ctx.after_func(lambda: runs.append(1))
    await loop.advance(1 + GRAIN)
    ctx.cancel()
    await turns()
    assert runs == [1]
    assert stop() is False


@by_hand
async def test_after_func_on_an_ended_context_runs_at_once(loop: ManualLoop) -> None:
    """After the end the function runs in the next turn."""
    ctx = background().with_cancel()
    ctx.cancel()
    runs: list[int] = []
    ctx.after_func(lambda: runs.append(1))
    await turns(1)
    assert runs == [1]


@by_hand
async def test_stop_prevents_the_run_and_says_so(loop: ManualLoop) -> None:
    """`stop` is True iff it prevented the run: before the end, and between the end and the run."""
    ctx = background().with_cancel()
    runs: list[int] = []
    early, late = ctx.after_func(lambda: runs.append(1)), ctx.after_func(lambda: runs.append(2))
    assert early() is True
    assert early() is False
    ctx.cancel()
    assert late() is True
    await turns()
    assert runs == []


@by_hand
async def test_an_abandoned_context_still_calls(loop: ManualLoop) -> None:
    """A function that waits below a context is called although nobody keeps the child."""
    upper = background().with_cancel()
    runs: list[int] = []
    upper.with_cancel().after_func(lambda: runs.append(1))
    gc.collect()
    upper.cancel()
    await turns()
    assert runs == [1]


@by_hand
async def test_a_with_frees_its_timer(loop: ManualLoop) -> None:
    """After the `with` no timer handle of the context is left in the loop."""
    for _ in range(100):
        with background().with_timeout(60) as ctx:
            ctx.bind(loop.create_future())
            assert loop.live_handles() == 1
        assert loop.live_handles() == 0


@by_hand
async def test_a_context_nobody_waits_under_sets_no_timer(loop: ManualLoop) -> None:
    """A deadline costs a timer only once something waits for it."""
    with background().with_timeout(60) as ctx:
        ctx.check()
        assert loop.live_handles() == 0


@by_hand
async def test_deadlines_of_one_grain_share_a_timer(loop: ManualLoop) -> None:
    """A thousand contexts that end together cost the loop one timer."""
    contexts = [background().with_timeout(60) for _ in range(1000)]
    futures = [loop.create_future() for _ in contexts]
    for ctx, future in zip(contexts, futures, strict=True):
        ctx.bind(future)
    assert loop.live_handles() == 1
    await loop.advance(60 + GRAIN)
    assert all(isinstance(future.exception(), DeadlineExceededError) for future in futures)


@by_hand
async def test_ten_thousand_children_leave_nothing_behind(loop: ManualLoop) -> None:
    """Children that were left, or cancelled and dropped, are kept by nobody."""
    upper = background().with_timeout(3600)
    before = count_lifetimes()
    for index in range(10_000):
        child = upper.with_timeout(60)
        future = loop.create_future()
        child.bind(future)
        if index % 2:
            future.set_result(None)
            child.cancel()
        else:
            with child:
                future.set_result(None)
    del child
    assert count_lifetimes() == before
    upper.cancel()
    assert loop.live_handles() == 0


@by_hand
async def test_idle_children_are_let_go_while_the_parent_lives(loop: ManualLoop) -> None:
    """Children whose watchers are done are swept out, though nobody cancelled them."""
    upper = background().with_cancel()
    before = count_lifetimes()
    for _ in range(10_000):
        child = upper.with_cancel()
        answered = loop.create_future()
        child.bind(answered)
        answered.set_result(None)
    assert count_lifetimes() - before <= FEW


@by_hand
async def test_answered_watchers_are_swept_out(loop: ManualLoop) -> None:
    """A context shared by many calls does not keep the futures that were answered."""
    ctx = background().with_timeout(3600)
    refs = []
    for _ in range(10_000):
        future = loop.create_future()
        ctx.bind(future)
        future.set_result(None)
        refs.append(weakref.ref(future))
        del future
    assert sum(ref() is not None for ref in refs) <= FEW


async def test_run_returns_what_it_awaited() -> None:
    """`run` gives the awaitable's result, or its own error, unchanged."""
    with background().with_timeout(60) as ctx:
        assert await ctx.run(asyncio.sleep(0, "answer")) == "answer"

        async def fail() -> None:
            raise TimeoutError("its own")

        with pytest.raises(TimeoutError, match="its own"):
            await ctx.run(fail())


@by_hand
async def test_run_ends_with_the_context(loop: ManualLoop) -> None:
    """`run` cancels what it awaits, and raises the context's error, when the context ends."""
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
    """An expired context fails before anything runs, and closes the coroutine it was given."""
    started: list[int] = []

    async def work() -> None:
        started.append(1)

    with pytest.raises(DeadlineExceededError):
        await background().with_timeout(0).run(work())
    assert started == []


@pytest.mark.parametrize("order", ["cancel first", "deadline first"])
@pytest.mark.parametrize("way", ["run", "bind"])
def test_an_outer_cancel_arrives_as_itself(order: str, way: str) -> None:
    """`task.cancel()` is a CancelledError even if the deadline fires in the same turn."""

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
    """After `run` raised the context's error, its task is not marked as being cancelled."""
    task = asyncio.current_task()
    assert task is not None
    ctx = background().with_cancel()
    loop.call_soon(ctx.cancel)
    with pytest.raises(CanceledError):
        await ctx.run(loop.create_future())
    assert task.cancelling() == 0


@by_hand
async def test_scope_ends_with_the_context(loop: ManualLoop) -> None:
    """The anyio scope is cancelled when the context ends, and is free afterwards."""
    ctx = background().with_cancel()
    loop.call_soon(ctx.cancel)
    with ctx.scope() as scope:
        await anyio.sleep_forever()
    assert scope.cancelled_caught


@by_hand
async def test_scope_of_an_ended_context_is_cancelled_at_once(loop: ManualLoop) -> None:
    """Nothing waits in the scope of a context that has ended."""
    with background().with_timeout(0).scope() as scope:
        await anyio.sleep_forever()
    assert scope.cancelled_caught


@by_hand
async def test_scope_left_early_keeps_nothing(loop: ManualLoop) -> None:
    """A scope that was left is not cancelled by a later end."""
    ctx = background().with_cancel()
    with ctx.scope() as scope:
        pass
    ctx.cancel()
    await turns()
    assert not scope.cancel_called


@by_hand
async def test_under_the_root_nothing_is_kept(loop: ManualLoop) -> None:
    """An operation on `background()` sets no timer and leaves no reference."""
    future = loop.create_future()
    background().bind(future)
    assert await background().run(asyncio.sleep(0, 1)) == 1
    ref = weakref.ref(future)
    del future
    assert ref() is None
    assert loop.live_handles() == 0
