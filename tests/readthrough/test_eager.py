"""Tasks that run while they are being made: nothing about a flight is registered too late for them."""

import asyncio
from collections.abc import Coroutine

import pytest

from layercache import BackendError, Context, LayerMeta, MemoryCache, NotFoundError, ReadThroughCache
from layercache.context import background
from layercache.flight import Flight, Flights
from layercache.testing import SlowSource, new_digest
from tests.context.manual import turns
from tests.eager import FACTORIES
from tests.readthrough.house import CTX, DGST, META, OTHER, REPO


@pytest.fixture(params=FACTORIES.values(), ids=list(FACTORIES), autouse=True)
async def _factory(request: pytest.FixtureRequest) -> None:
    asyncio.get_running_loop().set_task_factory(request.param)


@pytest.fixture
def source() -> SlowSource:
    """One that has a layer, and does not suspend who asks it."""
    source = SlowSource()
    source.put(REPO, DGST, META)
    return source


async def test_a_source_that_does_not_suspend_answers(source: SlowSource) -> None:
    """Every read is answered by a source that has its answer at once, a yes and a no."""
    async with ReadThroughCache(MemoryCache(), source) as front, asyncio.timeout(10):
        assert await front.stat(CTX, REPO, DGST) == META
        assert await front.contains(CTX, OTHER, DGST) is False
        assert await front.stat_many(CTX, REPO, [new_digest(), DGST]) == [None, META]
        assert await front.confirm(CTX, REPO, DGST) == META
        with pytest.raises(NotFoundError):
            await front.meta(CTX, new_digest())


async def test_a_source_that_fails_at_once_is_an_error(source: SlowSource) -> None:
    """A source that raises before it suspends is told to who asked, and to the next who asks anew."""
    source.error = OSError("disk on fire")
    async with ReadThroughCache(MemoryCache(), source) as front, asyncio.timeout(10):
        for _ in range(2):
            with pytest.raises(BackendError, match="disk on fire"):
                await front.stat(CTX, REPO, DGST)
        assert source.questions == 2


async def test_nobody_joins_what_was_asked_already(source: SlowSource) -> None:
    """Who asks after an acknowledged removal never hears the yes that was said before it."""
    source.hold()
    async with ReadThroughCache(MemoryCache(), source) as front, asyncio.timeout(10):
        early = asyncio.ensure_future(front.contains(CTX, REPO, DGST))
        await source.asked()
        source.answer()  # That is the meta; the membership is asked for next.
        await source.asked()
        async with front.removing(CTX, REPO, DGST):
            source.unlink(REPO, DGST)
        late = asyncio.ensure_future(front.contains(CTX, REPO, DGST))
        await turns()
        source.release()
        assert [await early, await late] == [True, False]


async def test_a_source_may_ask_what_it_stands_behind(source: SlowSource) -> None:
    """A source that asks the same cache for another layer, while it is asked, is answered."""
    base = new_digest()
    source.put(REPO, base, META)

    class Derived:
        async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
            return await source.contains(ctx, repo, dgst)

        async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
            return await (source.meta(ctx, dgst) if dgst == base else front.meta(ctx, base))

    async with ReadThroughCache(MemoryCache(), Derived()) as front, asyncio.timeout(10):
        assert await front.stat(CTX, REPO, DGST) == META


async def test_a_flight_is_registered_before_its_task_is_made() -> None:
    """A task factory finds the flight in the tables, and after the landing it is in none of them."""
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
