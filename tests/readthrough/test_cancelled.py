"""Cancellations: who was cancelled hears of it, and nobody else does."""

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import pytest

from layercache import (
    BackendError,
    BackendUnavailableError,
    Context,
    DeadlineExceededError,
    LayerMeta,
    MemoryCache,
    ReadThroughCache,
    background,
)
from layercache.testing import SlowSource
from tests.context.manual import turns
from tests.readthrough.house import CTX, DGST, META, REPO, House
from tests.readthrough.loads import Loads

Step = Callable[[], Awaitable[None]]
Read = Callable[[ReadThroughCache], Awaitable[object]]


async def nothing() -> None:
    """It is done."""


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


class GivesUp:
    """A source of which one question is given up by itself."""

    def __init__(self, meta: Step, contains: Step) -> None:
        self._meta = meta
        self._contains = contains

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        await self._meta()
        return META

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        await self._contains()
        return True


GIVING_UP = [at_once, later, by_a_task_within, by_a_context_within]
SOURCES = [
    *(pytest.param(GivesUp(step, nothing), id=f"meta, {step.__name__}") for step in GIVING_UP),
    *(pytest.param(GivesUp(nothing, step), id=f"contains, {step.__name__}") for step in GIVING_UP),
]
READS: dict[str, Read] = {
    "stat": lambda cache: cache.stat(CTX, REPO, DGST),
    "contains": lambda cache: cache.contains(CTX, REPO, DGST),
    "stat_many": lambda cache: cache.stat_many(CTX, REPO, [DGST]),
    "contains_many": lambda cache: cache.contains_many(CTX, REPO, [DGST]),
    "confirm": lambda cache: cache.confirm(CTX, REPO, DGST),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_a_source_that_gives_up_is_an_error(source: GivesUp, read: Read) -> None:
    """A source's own CancelledError, or the end of its own context, is a `BackendError` to who asked."""
    store = MemoryCache()
    async with ReadThroughCache(store, source) as cache:
        with pytest.raises(BackendError):
            await read(cache)
        assert await store.contains(CTX, REPO, DGST) is False


@pytest.mark.parametrize("giving_up", [SystemExit, KeyboardInterrupt, GeneratorExit, BaseException])
async def test_whatever_ends_a_load_is_told(loads: Loads, giving_up: type[BaseException]) -> None:
    """Those who wait are told of a load that ended by what is no `Exception`, and do not wait for ever."""

    class Ended(giving_up):  # type: ignore[misc,valid-type]  # a copy that asyncio does not stop its loop for
        pass

    ended = Ended() if giving_up in (GeneratorExit, BaseException) else BaseExceptionGroup("", [Ended()])
    callers = await loads.aboard(*[background()] * 2)
    loads.gates[1].set_exception(ended)
    for caller in callers:
        with pytest.raises(BackendError) as caught:
            await caller
        assert caught.value.__cause__ is ended


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_a_cache_that_gives_up_fails_open(house: House, read: Read) -> None:
    """A cache behind whose client raises CancelledError is a cache that fails: the source answers."""
    house.cache.fail(asyncio.CancelledError())  # type: ignore[arg-type]  # which is no Exception
    assert await read(house.front) in (META, True, [META], [True])


@pytest.mark.parametrize("step", ["unstarted", "started"])
async def test_a_flight_that_is_cancelled_is_an_error(house: House, step: str) -> None:
    """Who waits for a task that was cancelled from outside gets an error, and the next a new flight."""
    house.source.hold()
    before = asyncio.all_tasks()
    reader = asyncio.ensure_future(house.front.stat(CTX, REPO, DGST))
    while asyncio.all_tasks() == before | {reader}:  # noqa: ASYNC110 - there is no event for a task that is made
        await asyncio.sleep(0)
    if step == "started":
        await house.source.asked()
    for task in asyncio.all_tasks() - before - {reader}:
        task.cancel()
    with pytest.raises(BackendUnavailableError):
        await reader
    house.source.release()
    assert await house.front.stat(CTX, REPO, DGST) == META


async def test_a_bulk_form_that_is_cancelled_within_is_an_error(house: House) -> None:
    """A task of `stat_many`, cancelled from outside, is an error to its caller, who was not."""
    house.source.hold()
    before = asyncio.all_tasks()
    reader = asyncio.ensure_future(house.front.stat_many(CTX, REPO, [DGST]))
    await house.source.asked()
    for task in asyncio.all_tasks() - before - {reader}:
        task.cancel()
    with pytest.raises(BackendUnavailableError):
        await reader


async def test_closing_after_all_tasks_were_cancelled() -> None:
    """`aclose` does not raise for a flight that somebody cancelled, and closes the cache behind."""
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


async def test_a_closing_that_is_cancelled_closes_the_cache(house: House) -> None:
    """Who is cancelled while `aclose` waits for a slow source leaves no open cache behind."""
    store, may_end = MemoryCache(), asyncio.Event()

    class Stubborn(SlowSource):
        async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
            try:
                return await super().meta(ctx, dgst)
            finally:
                await may_end.wait()

    source = Stubborn()
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
async def test_a_caller_that_is_cancelled_hears_of_it(house: House, read: Read) -> None:
    """A caller's own `task.cancel()` arrives as itself, even if the source gives up at the same time."""
    house.source.hold()
    task = asyncio.ensure_future(read(house.front))
    await house.source.asked()
    task.cancel()
    house.source.error = asyncio.CancelledError()  # type: ignore[assignment]  # which is no Exception
    house.source.release()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_a_cancellation_that_is_pending_is_not_lost(house: House, read: Read) -> None:
    """A task that has cancelled itself, and then asks, is cancelled where it first waits."""
    house.source.hold()

    async def cancel_then_ask() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await read(house.front)

    with pytest.raises(asyncio.CancelledError):
        await asyncio.ensure_future(cancel_then_ask())


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_a_scope_of_the_caller_ends_its_read(house: House, read: Read) -> None:
    """An anyio scope around a read that is cancelled ends the read, and is left as anyio has it."""
    house.source.hold()
    with anyio.move_on_after(0.01) as scope:
        await read(house.front)
    assert scope.cancelled_caught


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_a_scope_of_the_source_stays_its_own(read: Read) -> None:
    """A source that gives itself a time by an anyio scope, and answers after it, is heard."""

    async def give_up_and_answer() -> None:
        with anyio.move_on_after(0):
            await asyncio.sleep(3600)

    async with ReadThroughCache(MemoryCache(), GivesUp(give_up_and_answer, give_up_and_answer)) as cache:
        assert await read(cache) in (META, True, [META], [True])


async def test_a_callers_context_is_told_from_the_sources(house: House) -> None:
    """`confirm` raises the error of a context only if it is the caller's own that ended."""
    house.source.hold()
    with background().with_timeout(0.01) as ctx, pytest.raises(DeadlineExceededError):
        await house.front.confirm(ctx, REPO, DGST)


async def test_an_observer_that_raises_harms_no_request(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What an observer raises, in whichever method, changes no answer, and is logged once."""
    for name in ("hit", "miss", "asked", "filled", "failed"):
        monkeypatch.setattr(house.tally, name, lambda *_: 1 / 0)
    for _ in range(2):
        assert await house.front.stat(CTX, REPO, DGST) == META
    house.cache.fail(BackendUnavailableError("down"))
    assert await house.front.stat(CTX, REPO, DGST) == META
    assert len([record for record in caplog.records if record.exc_info]) == 1
