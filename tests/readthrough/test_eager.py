"""Tasks that run while they are being made: each flight is registered before its task is made."""

import asyncio
from collections.abc import Coroutine

import pytest

from layercache import (
    BackendError,
    Context,
    LayerInfoSource,
    LayerMeta,
    MemoryCache,
    NotFoundError,
    ReadThroughCache,
)
from layercache.context import background
from layercache.readthrough.flight import Flight, Flights
from layercache.testing import SlowSource, new_digest
from tests.context.manual import turns
from tests.eager import FACTORIES
from tests.readthrough.setup import CTX, DGST, META, OTHER, REPO


@pytest.fixture(params=FACTORIES.values(), ids=list(FACTORIES), autouse=True)
async def _factory(request: pytest.FixtureRequest) -> None:
    asyncio.get_running_loop().set_task_factory(request.param)


@pytest.fixture
def source() -> SlowSource:
    """A source that has a layer, and answers without waiting."""
    source = SlowSource()
    source.put(REPO, DGST, META)
    return source


async def test_a_source_that_does_not_suspend_answers(source: SlowSource) -> None:
    """A source that answers at once, yes or no, answers every read."""
    async with ReadThroughCache(MemoryCache(), source) as cache, asyncio.timeout(10):
        assert await cache.stat(CTX, REPO, DGST) == META
        assert await cache.contains(CTX, OTHER, DGST) is False
        assert await cache.stat_many(CTX, REPO, [new_digest(), DGST]) == [None, META]
        assert await cache.confirm(CTX, REPO, DGST) == META
        with pytest.raises(NotFoundError):
            await cache.meta(CTX, new_digest())


async def test_a_source_that_fails_at_once_is_an_error(source: SlowSource) -> None:
    """The caller gets the error of a source that raises before it waits, and the next caller asks again."""
    source.error = OSError("disk on fire")
    async with ReadThroughCache(MemoryCache(), source) as cache, asyncio.timeout(10):
        for _ in range(2):
            with pytest.raises(BackendError, match="disk on fire"):
                await cache.stat(CTX, REPO, DGST)
        assert source.questions == 2


async def test_nobody_joins_a_question_that_was_asked_already(source: SlowSource) -> None:
    """A caller after an acknowledged removal does not get the yes that the source gave before it."""
    source.hold()
    async with ReadThroughCache(MemoryCache(), source) as cache, asyncio.timeout(10):
        early = asyncio.ensure_future(cache.contains(CTX, REPO, DGST))
        await source.asked()
        async with cache.removing(CTX, REPO, DGST):
            source.unlink(REPO, DGST)
        late = asyncio.ensure_future(cache.contains(CTX, REPO, DGST))
        await turns()
        source.release()
        assert [await early, await late] == [True, False]


async def test_a_source_may_ask_the_cache_before_it(source: SlowSource) -> None:
    """A source may ask the read-through before it for another layer, and is answered."""
    base = new_digest()
    source.put(REPO, base, META)

    class Derived(LayerInfoSource):
        async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
            return await (source if dgst == base else cache).stat(ctx, repo, base)

    async with ReadThroughCache(MemoryCache(), Derived()) as cache, asyncio.timeout(10):
        assert await cache.stat(CTX, REPO, DGST) == META


async def test_a_flight_is_registered_before_its_task_is_made() -> None:
    """A task factory finds the flight in the tables, and once it has ended it is in none of them."""
    seen: list[tuple[bool, int]] = []

    async def load(flight: Flight[str, str]) -> str:
        flight.depart()
        return "answer"

    def make(
        loop: asyncio.AbstractEventLoop, coroutine: Coroutine[object, object, str], **options: object
    ) -> "asyncio.Task[str]":
        seen.append(("key" in flights.boarding, len(flights.alive)))
        return asyncio.Task(coroutine, loop=loop)

    flights = Flights(load, seconds=30)
    asyncio.get_running_loop().set_task_factory(make)  # type: ignore[arg-type]  # for tasks of one kind only
    assert await flights.join(background(), "key") == "answer"
    assert seen == [(True, 1)]
    assert (flights.boarding, flights.flying, flights.alive) == ({}, {}, set())
