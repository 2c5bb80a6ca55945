"""What waits under a context is notified in time, once, and leaves nothing behind."""

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
    """A pending future gets the context's error at the deadline, never early, and late by a grain at most."""
    future = loop.create_future()
    background().with_timeout(1.005).bind(future)
    await loop.advance(1.004)
    assert not future.done()
    await loop.advance(0.001 + GRAIN)
    assert isinstance(future.exception(), DeadlineExceededError)


@by_hand
async def test_a_bound_future_fails_when_an_upper_context_is_cancelled(loop: ManualLoop) -> None:
    """A cancellation reaches a future through contexts under which nothing else waits."""
    root = background().with_cancel()
    future = loop.create_future()
    root.with_timeout(60).with_value("key", 1).with_cancel().bind(future)
    root.cancel()
    assert isinstance(future.exception(), CanceledError)


@by_hand
async def test_a_future_that_is_done_is_left_alone(loop: ManualLoop) -> None:
    """The end of a context does not change a future that has a result, or was cancelled."""
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
    """A future that is bound to a context that has ended fails at once."""
    ctx = background().with_cancel()
    ctx.cancel()
    future = loop.create_future()
    ctx.bind(future)
    assert isinstance(future.exception(), CanceledError)


@by_hand
async def test_a_deadline_before_the_end_of_a_with_is_the_cause(loop: ManualLoop) -> None:
    """A deadline that passed before the `with` above was left is the cause, even if nobody looked."""
    with background().with_cancel() as upper:
        first_expired = upper.with_timeout(1)
        still_open = upper.with_timeout(5)
        await loop.advance(2)
    assert isinstance(first_expired.err(), DeadlineExceededError)
    assert isinstance(still_open.err(), CanceledError)


@by_hand
async def test_what_waits_below_an_ended_context_is_notified_at_once(loop: ManualLoop) -> None:
    """What waits under a context whose parent has ended, even if that went unnoticed, ends at once."""
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
    """If the deadline has passed unnoticed, the function of `after_func` runs at once, without a timer."""
    ctx = background().with_timeout(5)
    await loop.advance(5)
    runs: list[int] = []
    ctx.after_func(lambda: runs.append(1))
    await turns(1)
    assert runs == [1]


@by_hand
async def test_an_end_that_nobody_saw_is_the_cause(loop: ManualLoop) -> None:
    """The first cause wins, even if nobody looked or waited when it came."""
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
    """`wait` returns when the context ends, and not before."""
    ctx = background().with_timeout(1)
    waiting = asyncio.ensure_future(ctx.wait())
    await loop.advance(0.5)
    assert not waiting.done()
    ctx.cancel()
    await waiting


@by_hand
async def test_after_func_runs_once(loop: ManualLoop) -> None:
    """The function runs once, in a turn of the loop after the end, and then `stop` returns False."""
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
    """After the end of the context, the function runs in the next turn of the loop."""
    ctx = background().with_cancel()
    ctx.cancel()
    runs: list[int] = []
    ctx.after_func(lambda: runs.append(1))
    await turns(1)
    assert runs == [1]


@by_hand
async def test_stop_prevents_the_run_and_says_so(loop: ManualLoop) -> None:
    """`stop` returns True iff it prevented the run, before the end or between the end and the run."""
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
    """A function of `after_func` is called even if nobody keeps its context."""
    upper = background().with_cancel()
    runs: list[int] = []
    upper.with_cancel().after_func(lambda: runs.append(1))
    gc.collect()
    upper.cancel()
    await turns()
    assert runs == [1]


@by_hand
async def test_a_with_frees_its_timer(loop: ManualLoop) -> None:
    """After the `with` the loop has no timer of the context, but one that ends within a grain."""
    for _ in range(100):
        with background().with_timeout(60) as ctx:
            ctx.bind(loop.create_future())
            assert loop.live_handles() == 1
    assert loop.live_handles() == 1
    await loop.advance(GRAIN)
    assert loop.live_handles() == 0


@by_hand
async def test_a_with_that_lasted_frees_its_timer(loop: ManualLoop) -> None:
    """After a `with` that lasted longer than a grain, the loop has no timer at all."""
    with background().with_timeout(60) as ctx:
        ctx.bind(loop.create_future())
        await loop.advance(GRAIN)
        assert loop.live_handles() == 1
    assert loop.live_handles() == 0


@by_hand
async def test_a_context_without_waiters_sets_no_timer(loop: ManualLoop) -> None:
    """A deadline needs a timer only once something waits under it."""
    with background().with_timeout(60) as ctx:
        ctx.check()
        assert loop.live_handles() == 0


@by_hand
async def test_deadlines_of_one_grain_share_a_timer(loop: ManualLoop) -> None:
    """A thousand contexts that end together need one timer."""
    contexts = [background().with_timeout(60) for _ in range(1000)]
    futures = [loop.create_future() for _ in contexts]
    for ctx, future in zip(contexts, futures, strict=True):
        ctx.bind(future)
    assert loop.live_handles() == 1
    await loop.advance(60 + GRAIN)
    assert all(isinstance(future.exception(), DeadlineExceededError) for future in futures)


@by_hand
async def test_ten_thousand_children_leave_nothing_behind(loop: ManualLoop) -> None:
    """Children that were left, or cancelled and dropped, are not kept."""
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
async def test_idle_children_are_dropped_while_the_parent_lives(loop: ManualLoop) -> None:
    """Children whose watchers are done are dropped, even if nobody cancelled them."""
    upper = background().with_cancel()
    before = count_lifetimes()
    for _ in range(10_000):
        child = upper.with_cancel()
        answered = loop.create_future()
        child.bind(answered)
        answered.set_result(None)
    assert count_lifetimes() - before <= FEW


@by_hand
async def test_answered_watchers_are_dropped(loop: ManualLoop) -> None:
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
    """What waits under a context is notified in its own loop, wherever the context was made."""

    async def make() -> CancelableContext:
        return background().with_timeout(0.02)

    async def wait(ctx: CancelableContext) -> None:
        waiting = asyncio.get_running_loop().create_future()
        ctx.bind(waiting)
        with pytest.raises(DeadlineExceededError):
            await asyncio.wait_for(waiting, 60)

    ctx = asyncio.run(make()) if is_made_in_a_loop else background().with_timeout(0.02)
    asyncio.run(wait(ctx))
