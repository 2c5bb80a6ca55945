"""Cancellations: whoever was cancelled is notified, and nobody else."""

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import pytest

from layercache import (
    BackendError,
    BackendUnavailableError,
    Context,
    DeadlineExceededError,
    LayerInfoSource,
    LayerMeta,
    MemoryCache,
    ReadThroughCache,
    background,
)
from layercache.testing import SlowSource
from tests.context.manual import turns
from tests.readthrough.loads import Loads
from tests.readthrough.setup import CTX, DGST, META, REPO, Setup

Step = Callable[[], Awaitable[None]]
Read = Callable[[ReadThroughCache], Awaitable[object]]


async def at_once() -> None:
    """A library gives up by raising what a task is cancelled by."""
    raise asyncio.CancelledError


async def later() -> None:
    """The same, after it has waited."""
    await asyncio.sleep(0)
    raise asyncio.CancelledError


async def by_a_task_within() -> None:
    """A task that a library waits for is cancelled."""
    task = asyncio.ensure_future(asyncio.sleep(3600))
    asyncio.get_running_loop().call_soon(task.cancel)
    await task


async def by_a_context_within() -> None:
    """A context that a library made for itself ends."""
    with background().with_timeout(0) as ctx:
        ctx.check()


class StepSource(LayerInfoSource):
    """A source that runs a step, and then answers."""

    def __init__(self, step: Step) -> None:
        self._step = step

    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
        await self._step()
        return META

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        await self._step()
        return META


GIVING_UP = [at_once, later, by_a_task_within, by_a_context_within]
READS: dict[str, Read] = {
    "stat": lambda cache: cache.stat(CTX, REPO, DGST),
    "meta": lambda cache: cache.meta(CTX, DGST),
    "contains": lambda cache: cache.contains(CTX, REPO, DGST),
    "stat_many": lambda cache: cache.stat_many(CTX, REPO, [DGST]),
    "contains_many": lambda cache: cache.contains_many(CTX, REPO, [DGST]),
    "confirm": lambda cache: cache.confirm(CTX, REPO, DGST),
}


@pytest.mark.parametrize("giving_up", GIVING_UP, ids=lambda step: step.__name__)
@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_a_source_that_gives_up_is_an_error(giving_up: Step, read: Read) -> None:
    """The caller gets a `BackendError` for a source's own CancelledError, or the end of its own context."""
    store = MemoryCache()
    async with ReadThroughCache(store, StepSource(giving_up)) as cache:
        with pytest.raises(BackendError):
            await read(cache)
        assert await store.contains(CTX, REPO, DGST) is False


@pytest.mark.parametrize("giving_up", [SystemExit, KeyboardInterrupt, GeneratorExit, BaseException])
async def test_whatever_ends_a_load_is_reported(loads: Loads, giving_up: type[BaseException]) -> None:
    """The waiters get an error if what ended the load is no `Exception`, and do not wait for ever."""

    class Ended(giving_up):  # type: ignore[misc,valid-type]  # a copy that asyncio does not stop its loop for
        pass

    ended = Ended() if giving_up in (GeneratorExit, BaseException) else BaseExceptionGroup("", [Ended()])
    callers = await loads.waiting(*[background()] * 2)
    loads.answers[1].set_exception(ended)
    for caller in callers:
        with pytest.raises(BackendError) as caught:
            await caller
        assert caught.value.__cause__ is ended


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_a_cache_that_gives_up_fails_open(setup: Setup, read: Read) -> None:
    """If the client of the cache behind raises CancelledError, the source answers."""
    setup.faulty.fail(asyncio.CancelledError())  # type: ignore[arg-type]  # which is no Exception
    assert await read(setup.cache) in (META, True, [META], [True])


@pytest.mark.parametrize("step", ["unstarted", "started"])
async def test_a_flight_that_is_cancelled_is_an_error(setup: Setup, step: str) -> None:
    """If a flight's task is cancelled from outside, its waiters get an error, and the next caller a new flight."""
    setup.source.hold()
    before = asyncio.all_tasks()
    reader = asyncio.ensure_future(setup.cache.stat(CTX, REPO, DGST))
    while asyncio.all_tasks() == before | {reader}:  # noqa: ASYNC110 - there is no event for a task that is made
        await asyncio.sleep(0)
    if step == "started":
        await setup.source.asked()
    for task in asyncio.all_tasks() - before - {reader}:
        task.cancel()
    with pytest.raises(BackendUnavailableError):
        await reader
    setup.source.release()
    assert await setup.cache.stat(CTX, REPO, DGST) == META


async def test_a_bulk_form_that_is_cancelled_within_is_an_error(setup: Setup) -> None:
    """The caller of `stat_many`, whom nobody cancelled, gets an error if a task of it was cancelled."""
    setup.source.hold()
    before = asyncio.all_tasks()
    reader = asyncio.ensure_future(setup.cache.stat_many(CTX, REPO, [DGST]))
    await setup.source.asked()
    for task in asyncio.all_tasks() - before - {reader}:
        task.cancel()
    with pytest.raises(BackendUnavailableError):
        await reader


async def test_closing_after_all_tasks_were_cancelled() -> None:
    """`aclose` does not raise for a flight that was cancelled, and closes the cache behind."""
    source, store = SlowSource(), MemoryCache()
    source.hold()
    cache = ReadThroughCache(store, source)
    await store.put(CTX, REPO, DGST, META)
    reader = asyncio.ensure_future(cache.meta(CTX, "sha256:00"))
    await source.asked()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await cache.aclose()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert await store.contains(CTX, REPO, DGST) is False


async def test_a_closing_that_is_cancelled_closes_the_cache(setup: Setup) -> None:
    """An `aclose` that is cancelled while it waits for a slow source still closes the cache behind."""
    store, may_end = MemoryCache(), asyncio.Event()

    class SlowToStop(SlowSource):
        async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
            try:
                return await super().meta(ctx, dgst)
            finally:
                await may_end.wait()

    source = SlowToStop()
    source.hold()
    cache = ReadThroughCache(store, source)
    await store.put(CTX, REPO, DGST, META)
    reader = asyncio.ensure_future(cache.meta(CTX, "sha256:00"))
    await source.asked()
    closing = asyncio.ensure_future(cache.aclose())
    await turns()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert await store.contains(CTX, REPO, DGST) is False
    may_end.set()
    with pytest.raises(BackendUnavailableError):
        await reader


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_a_caller_that_is_cancelled_gets_that(setup: Setup, read: Read) -> None:
    """A caller's own `task.cancel()` raises CancelledError, even if the source gives up at the same time."""
    setup.source.hold()
    task = asyncio.ensure_future(read(setup.cache))
    await setup.source.asked()
    task.cancel()
    setup.source.error = asyncio.CancelledError()  # type: ignore[assignment]  # which is no Exception
    setup.source.release()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_a_cancellation_that_is_pending_is_not_lost(setup: Setup, read: Read) -> None:
    """A task that cancels itself, and then reads, is cancelled where it first waits."""
    setup.source.hold()

    async def cancel_then_ask() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await read(setup.cache)

    with pytest.raises(asyncio.CancelledError):
        await asyncio.ensure_future(cancel_then_ask())


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_a_scope_of_the_caller_ends_its_read(setup: Setup, read: Read) -> None:
    """A cancelled anyio scope around a read ends the read, and catches the cancellation."""
    setup.source.hold()
    with anyio.move_on_after(0.01) as scope:
        await read(setup.cache)
    assert scope.cancelled_caught


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_a_scope_of_the_source_stays_its_own(read: Read) -> None:
    """A source that limits itself by an anyio scope, and answers after it, has its answer returned."""

    async def give_up_and_answer() -> None:
        with anyio.move_on_after(0):
            await asyncio.sleep(3600)

    async with ReadThroughCache(MemoryCache(), StepSource(give_up_and_answer)) as cache:
        assert await read(cache) in (META, True, [META], [True])


async def test_the_end_of_the_callers_context_is_its_own_error(setup: Setup) -> None:
    """`confirm` raises the error of a context only if it is the caller's own that ended."""
    setup.source.hold()
    with background().with_timeout(0.01) as ctx, pytest.raises(DeadlineExceededError):
        await setup.cache.confirm(ctx, REPO, DGST)


async def test_an_observer_that_raises_harms_no_request(
    setup: Setup, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What an observer raises, of the cache or of the source, changes no answer, and is logged once."""
    monkeypatch.setattr(setup.recorder, "observe", lambda _: 1 / 0)
    for _ in range(2):
        assert await setup.cache.stat(CTX, REPO, DGST) == META
    setup.faulty.fail(BackendUnavailableError("down"))
    assert await setup.cache.stat(CTX, REPO, DGST) == META
    assert len([record for record in caplog.records if record.exc_info]) == 1
