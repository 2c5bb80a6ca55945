"""The walk of all that a memory cache knows."""

import pytest

from layercache.backend import Batch
from layercache.backends.memory import MemoryCache
from layercache.backends.memory.scan import BATCH
from layercache.context import background
from layercache.errors import CanceledError
from layercache.meta import LayerMeta, blob_path
from layercache.testing import ManualClock

CTX = background()


def digest(number: int) -> str:
    """A digest for each number."""
    return f"sha256:{number:064x}"


def meta(number: int) -> LayerMeta:
    """The meta of that digest."""
    return LayerMeta(blob_path(digest(number)), number)


async def walk(cache: MemoryCache) -> Batch:
    """All that a walk of the cache yields."""
    batches = [batch async for batch in cache.scan(CTX)]
    members, metas = (
        [pair for batch in batches for pair in batch.members],
        [pair for batch in batches for pair in batch.metas],
    )
    assert not any(batch.traces or batch.corrupt for batch in batches)
    return Batch(sorted(members), sorted(metas))


async def test_a_walk_yields_everything() -> None:
    """A walk yields every membership and every meta once, with or without the other half."""
    cache = MemoryCache()
    for number in range(BATCH + 1):
        await cache.put(CTX, "x", digest(number), meta(number))
    await cache.add(CTX, "y", digest(0))
    await cache.add(CTX, "z", digest(0))
    await cache.add(CTX, "y", digest(BATCH + 1))
    await cache.set_meta(CTX, digest(BATCH + 2), meta(BATCH + 2))
    found = await walk(cache)
    pairs = [("x", digest(number)) for number in range(BATCH + 1)]
    assert found.members == [*pairs, ("y", digest(0)), ("y", digest(BATCH + 1)), ("z", digest(0))]
    assert found.metas == [(digest(number), meta(number)) for number in [*range(BATCH + 1), BATCH + 2]]


async def test_what_is_removed_meanwhile() -> None:
    """What is removed before the walk comes to it is left out, and harms nothing."""
    cache = MemoryCache()
    for number in range(2 * BATCH):
        await cache.put(CTX, "x", digest(number), meta(number))
    batches = cache.scan(CTX)
    await anext(batches)
    for number in range(BATCH, 2 * BATCH):
        await cache.remove(CTX, "x", digest(number))
        await cache.forget(CTX, digest(number))
    assert [batch async for batch in batches] == [Batch([], [])]


async def test_what_has_expired_is_left_out() -> None:
    """A half that has expired is left out, each by itself."""
    clock = ManualClock()
    cache = MemoryCache(ttl=100, clock=clock)
    await cache.put(CTX, "x", digest(0), meta(0))
    clock.advance(60)
    await cache.add(CTX, "y", digest(0))
    await cache.set_meta(CTX, digest(1), meta(1))
    clock.advance(60)
    assert await walk(cache) == Batch([("y", digest(0))], [(digest(1), meta(1))])


async def test_walking_is_no_use() -> None:
    """A walk counts as no use, so it changes nothing about what is evicted next."""
    walked, other = MemoryCache(100), MemoryCache(100)
    for cache in (walked, other):
        for number in range(100):
            await cache.put(CTX, "x", digest(number), meta(number))
            if number % 2:
                await cache.contains(CTX, "x", digest(number))
    await walk(walked)
    for cache in (walked, other):
        for number in range(100, 150):
            await cache.put(CTX, "x", digest(number), meta(number))
    assert await walk(walked) == await walk(other)


async def test_a_walk_ends_with_its_context() -> None:
    """A walk raises the error of its context once that has ended."""
    cache = MemoryCache()
    await cache.put(CTX, "x", digest(0), meta(0))
    with CTX.with_cancel() as ctx:
        ctx.cancel()
        with pytest.raises(CanceledError):
            await anext(cache.scan(ctx))


async def test_nothing_is_corrupt() -> None:
    """`discard` drops nothing in memory, where nothing can be corrupt."""
    cache = MemoryCache()
    await cache.add(CTX, "x", digest(0))
    assert not await cache.discard(CTX, "x")
    assert await cache.contains(CTX, "x", digest(0))
