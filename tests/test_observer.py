"""What the observer of a cache gets: an event for each operation, with tier, outcome and layers."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from layercache import (
    CanceledError,
    LayerInfoCache,
    MemoryCache,
    NotFoundError,
    Observer,
    ReadThroughCache,
    RedisCache,
    Tier,
    background,
)
from layercache.testing import SlowSource, new_digest, new_meta, new_repository
from tests.recorder import Recorder
from tests.servers import RedisServer

CTX = background()
REPO, DGST, ABSENT = new_repository(), new_digest(), new_digest()
META = new_meta(DGST)

Make = Callable[[Observer], LayerInfoCache]


@pytest.fixture
def recorder() -> Recorder:
    """The observer of the cache."""
    return Recorder()


@pytest.fixture(params=["memory", "redis"])
async def cache(
    request: pytest.FixtureRequest, redis_server: RedisServer, recorder: Recorder
) -> AsyncIterator[LayerInfoCache]:
    """An observed cache of each kind, of which each operation has one tier."""
    makers: dict[str, Make] = {
        "memory": lambda observer: MemoryCache(observer=observer),
        "redis": lambda observer: RedisCache(redis_server.url, observer=observer),
    }
    async with makers[request.param](recorder) as cache:
        yield cache


@pytest.fixture
def tier(cache: LayerInfoCache) -> Tier:
    """The tier of the cache."""
    return Tier.NEAR if isinstance(cache, MemoryCache) else Tier.FAR


@pytest.fixture
def source() -> SlowSource:
    """A source that has one layer."""
    source = SlowSource()
    source.put(REPO, DGST, META)
    return source


async def miss(call: Awaitable[object]) -> None:
    """Await what finds nothing."""
    with pytest.raises(NotFoundError):
        await call


# ---- memory and Redis


async def test_reads(cache: LayerInfoCache, tier: Tier, recorder: Recorder) -> None:
    """A read is a hit or a miss of its tier."""
    assert not await cache.contains(CTX, REPO, DGST)
    await miss(cache.meta(CTX, DGST))
    await miss(cache.stat(CTX, REPO, DGST))
    await cache.put(CTX, REPO, DGST, META)
    await cache.contains(CTX, REPO, DGST)
    await cache.meta(CTX, DGST)
    await cache.stat(CTX, REPO, DGST)
    assert recorder.lines == [
        f"{tier} contains miss",
        f"{tier} meta miss",
        f"{tier} stat miss",
        f"{tier} put done",
        f"{tier} contains hit",
        f"{tier} meta hit",
        f"{tier} stat hit",
    ]


async def test_writes_and_removals(cache: LayerInfoCache, tier: Tier, recorder: Recorder) -> None:
    """A write is done; `forget` is a `remove` of the backend."""
    await cache.add(CTX, REPO, DGST)
    await cache.set_meta(CTX, DGST, META)
    await cache.put(CTX, REPO, DGST, META)
    await cache.remove(CTX, REPO, DGST)
    await cache.forget(CTX, DGST)
    assert recorder.lines == [
        f"{tier} {operation} done" for operation in ("add", "set_meta", "put", "remove", "remove")
    ]


async def test_leases_and_brackets(cache: LayerInfoCache, tier: Tier, recorder: Recorder) -> None:
    """A lease or a fill is done, or refused if a removal came between."""
    async with cache.adding(CTX, REPO, DGST, META):
        lease = await cache.lease(CTX, REPO, DGST)
    async with cache.removing(CTX, REPO, DGST):
        assert await cache.lease(CTX, REPO, DGST) is None
    assert lease is not None
    assert not await cache.fill(CTX, lease, META)
    assert recorder.lines == [
        f"{tier} lease done",
        f"{tier} lease done",
        f"{tier} fill done",
        f"{tier} begin_removal done",
        f"{tier} lease refused",
        f"{tier} end_removal done",
        f"{tier} fill refused",
    ]


async def test_a_bulk_form_has_an_event_for_its_hits_and_one_for_its_misses(
    cache: LayerInfoCache, tier: Tier, recorder: Recorder
) -> None:
    """The events of a bulk form have its hits and its misses, each as a number of layers."""
    await cache.put(CTX, REPO, DGST, META)
    recorder.events.clear()
    await cache.contains_many(CTX, REPO, [DGST, ABSENT, ABSENT])
    await cache.stat_many(CTX, REPO, [DGST, DGST])
    await cache.stat_many(CTX, REPO, [])
    seen = [(event.tier, event.operation, event.outcome, event.layers) for event in recorder.events]
    assert seen == [
        (tier, "contains_many", "hit", 1),
        (tier, "contains_many", "miss", 2),
        (tier, "stat_many", "hit", 2),
    ]


async def test_an_event_is_complete(cache: LayerInfoCache, recorder: Recorder) -> None:
    """An event of one layer has the seconds that the operation took, and no error."""
    await cache.contains(CTX, REPO, DGST)
    [event] = recorder.events
    assert 0 < event.seconds < 60
    assert (event.layers, event.error) == (1, None)


async def test_some_calls_have_no_event(cache: LayerInfoCache, recorder: Recorder) -> None:
    """The front's own errors, and walks, have no event."""
    with pytest.raises(ValueError, match="digest"):
        await cache.contains(CTX, REPO, "")
    with CTX.with_cancel() as ctx:
        ctx.cancel()
        with pytest.raises(CanceledError):
            await cache.add(ctx, REPO, DGST)
    assert [batch async for batch in cache.scan(CTX) if batch.members] == []
    assert recorder.events == []


# ---- near


async def test_near(redis_server: RedisServer, recorder: Recorder) -> None:
    """A hit among the near entries is near, and all else is far."""
    async with RedisCache(redis_server.url, near=100, observer=recorder) as cache:
        await cache.put(CTX, REPO, DGST, META)
        for _ in range(4):  # The second answer comes from the admission buffer, and counts as far.
            await cache.stat(CTX, REPO, DGST)
        await cache.stat_many(CTX, REPO, [DGST])
        await cache.remove(CTX, REPO, DGST)
    assert recorder.lines == [
        "far put done",
        "far stat hit",
        "far stat hit",
        "near stat hit",
        "near stat hit",
        "far stat_many hit",
        "far remove done",
    ]


# ---- a source behind


async def test_a_source_is_a_tier(source: SlowSource, recorder: Recorder) -> None:
    """A read-through reports the cache before the source as its tier, and the source as `source`."""
    async with ReadThroughCache(MemoryCache(), source, observer=recorder) as cache:
        await cache.stat(CTX, REPO, DGST)
        await cache.stat(CTX, REPO, DGST)
        await miss(cache.meta(CTX, ABSENT))
    assert recorder.lines == [
        "near stat miss",
        "near lease done",
        "source stat hit",
        "near fill done",
        "near stat hit",
        "near meta miss",
        "near lease done",
        "source meta miss",
    ]


async def test_confirm_and_report_missing(source: SlowSource, recorder: Recorder) -> None:
    """`confirm` and `report_missing` are reported as what they ask of the cache and of the source."""
    async with ReadThroughCache(MemoryCache(), source, observer=recorder) as cache:
        await cache.confirm(CTX, REPO, DGST)
        await cache.report_missing(CTX, REPO, DGST)
    assert recorder.lines == [
        "near lease done",
        "source stat hit",
        "near fill done",
        "near remove done",
        "near remove done",
    ]


async def test_the_cache_behind_has_its_own_observer(source: SlowSource, recorder: Recorder) -> None:
    """A read-through with an observer, over a cache with another, reports to each what is its own."""
    inner = Recorder()
    async with ReadThroughCache(MemoryCache(observer=inner), source, observer=recorder) as cache:
        await cache.stat(CTX, REPO, DGST)
    assert inner.lines == [line for line in recorder.lines if line.startswith("near")]


# ---- no observer


def test_without_an_observer_nothing_is_measured() -> None:
    """A cache without an observer has its backend, and nothing before it."""
    assert type(MemoryCache().backend).__name__ == "MemoryBackend"
    assert type(MemoryCache(observer=Observer()).backend).__name__ == "ObservedBackend"
