"""What waits under a context is told in time, once, and leaves nothing behind."""

import asyncio
import gc
import weakref

import pytest

from layercache.context import CancelableContext, background
from layercache.context.lifetime import FEW, Lifetime
from layercache.context.timers import GRAIN
from layercache.errors import CanceledError, DeadlineExceededError
from tests.context.manual import ManualLoop, by_hand, turns


def count_lifetimes() -> int:
    gc.collect()
    return sum(isinstance(thing, Lifetime) for thing in gc.get_objects())


@by_hand
async def test_a_bound_future_fails_at_the_deadline(loop: ManualLoop) -> None:
    """A pending future gets the context's error at its deadline: never early, a grain late at most."""
    future = loop.create_future()
    background().with_timeout(1.005).bind(future)
    await loop.advance(1.004)
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
async def test_the_end_of_a_with_is_dated(loop: ManualLoop) -> None:
    """A deadline that passed before the `with` above was left is the first cause, though nobody looked."""
    with background().with_cancel() as upper:
        first_expired = upper.with_timeout(1)
        still_open = upper.with_timeout(5)
        await loop.advance(2)
    assert isinstance(first_expired.err(), DeadlineExceededError)
    assert isinstance(still_open.err(), CanceledError)


@by_hand
async def test_who_waits_below_an_ended_context_is_told_at_once(loop: ManualLoop) -> None:
    """A context whose parent ended while nobody waited below it has ended for who waits now."""
    parent = background().with_cancel()
    child = parent.with_timeout(5)
    parent.cancel()
    future = loop.create_future()
    child.bind(future)
    assert isinstance(future.exception(), CanceledError)
    runs: list[int] = []
    stop = child.after_func(lambda: runs.append(1))
    await turns(1)
    assert runs == [1]
    assert not stop()
    await child.wait()


@by_hand
async def test_after_func_past_a_deadline_runs_at_once(loop: ManualLoop) -> None:
    """A deadline that passed unseen is the end for `after_func`, without a timer's help."""
    ctx = background().with_timeout(5)
    await loop.advance(5)
    runs: list[int] = []
    ctx.after_func(lambda: runs.append(1))
    await turns(1)
    assert runs == [1]


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
    """After the `with` no timer of the context is left in the loop: what there is ends within a grain."""
    for _ in range(100):
        with background().with_timeout(60) as ctx:
            ctx.bind(loop.create_future())
            assert loop.live_handles() == 1
    assert loop.live_handles() == 1
    await loop.advance(GRAIN)
    assert loop.live_handles() == 0


@by_hand
async def test_a_with_that_lasted_frees_its_timer(loop: ManualLoop) -> None:
    """After a `with` that was longer than a grain, no timer is left at all."""
    with background().with_timeout(60) as ctx:
        ctx.bind(loop.create_future())
        await loop.advance(GRAIN)
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
        del child, future
    assert count_lifetimes() == before
    upper.cancel()
    await loop.advance(GRAIN)
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


@by_hand
async def test_under_the_root_nothing_is_kept(loop: ManualLoop) -> None:
    """An operation on `background()` sets no timer and leaves no reference."""
    future = loop.create_future()
    background().bind(future)
    assert await background().run(asyncio.sleep(0, 1)) == 1  # what suspends once, and returns
    ref = weakref.ref(future)
    del future
    assert ref() is None
    assert loop.live_handles() == 0


@pytest.mark.parametrize("is_made_in_a_loop", [True, False])
def test_a_context_may_be_made_before_its_loop(is_made_in_a_loop: bool) -> None:
    """What waits under a context is told by the loop that it waits in, wherever the context was made."""

    async def make() -> CancelableContext:
        return background().with_timeout(0.02)

    async def wait(ctx: CancelableContext) -> None:
        waiting = asyncio.get_running_loop().create_future()
        ctx.bind(waiting)
        with pytest.raises(DeadlineExceededError):
            await asyncio.wait_for(waiting, 60)

    ctx = asyncio.run(make()) if is_made_in_a_loop else background().with_timeout(0.02)
    asyncio.run(wait(ctx))
