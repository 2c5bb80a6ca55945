"""A near memory is its cache's alone: nobody else writes to it, and nothing stands in its place."""

from collections.abc import Callable

import pytest

from layercache import BackendError, InvalidArgumentError, MemoryCache, RedisCache, TieredCache
from layercache.backend import Lease
from layercache.forwarding import ForwardingCache
from layercache.testing import operations
from tests.tiered.stage import CTX, DGST, REPO, Stage, meta

NOWHERE = "redis://127.0.0.1:1"


async def test_a_near_memory_is_of_one_cache() -> None:
    """A memory that is near of one cache is refused by the next, and stays whose it is."""
    near = MemoryCache()
    first = TieredCache(near, RedisCache(NOWHERE))
    with pytest.raises(InvalidArgumentError, match="of another cache"):
        TieredCache(near, RedisCache(NOWHERE))
    await first.aclose()


@pytest.mark.parametrize("operation", operations.ALL)
async def test_a_lent_memory_refuses_everything(operation: str) -> None:
    """Whoever asks a memory that is near of a cache, or writes to it, is told where to ask."""
    near = MemoryCache()
    TieredCache(near, RedisCache(NOWHERE))
    for _ in range(2):
        call = operations.ALL[operation](near, CTX, REPO, DGST, meta(1))
        if operation == "adding":  # Its body stands, and the memory is only not filled.
            await call
        else:
            with pytest.raises(BackendError, match="ask that one"):
                await call
        await near.aclose()  # This lends it to nobody else, and opens it for nobody.


async def test_a_lent_memory_is_not_walked() -> None:
    """Nor does it tell what it knows."""
    near = MemoryCache()
    TieredCache(near, RedisCache(NOWHERE))
    with pytest.raises(BackendError, match="ask that one"):
        await anext(near.scan(CTX))


async def test_nothing_from_outside_is_answered(stage: Stage) -> None:
    """What is written to a memory before it is lent, or tried to be after, the tiered cache never says."""
    near = MemoryCache()
    lease = await near.lease(CTX, REPO, DGST)
    await near.put(CTX, REPO, DGST, meta(1))
    cache = TieredCache(near, RedisCache(NOWHERE))
    for writing in (
        near.put(CTX, REPO, DGST, meta(1)),
        near.fill(CTX, lease or Lease(REPO, DGST, "a", "b"), meta(1)),
    ):
        with pytest.raises(BackendError):
            await writing
    cache._tracking.trusted_until = float("inf")
    with pytest.raises(BackendError, match=r"127\.0\.0\.1"):  # It asks far away.
        await cache.contains(CTX, REPO, DGST)
    assert cache.state.entries == 0
    await cache.aclose()


class OddMemory(MemoryCache):  # type: ignore[misc]  # what an untyped caller may do, here and below
    """One whose twins differ."""

    async def _contains(self, *_: object) -> bool:
        return False


class OddRedis(RedisCache):  # type: ignore[misc]
    """Another one."""

    async def _contains(self, *_: object, **__: object) -> bool:
        return False


@pytest.mark.parametrize(
    ("near", "far"),
    [
        (OddMemory, lambda: RedisCache(NOWHERE)),
        (MemoryCache, lambda: OddRedis(NOWHERE)),
        (MemoryCache, lambda: ForwardingCache(RedisCache(NOWHERE))),
        (lambda: ForwardingCache(MemoryCache()), lambda: RedisCache(NOWHERE)),
        (MemoryCache, MemoryCache),
        (lambda: None, lambda: RedisCache(NOWHERE)),
    ],
)
def test_what_stands_in_their_place_is_refused(
    near: Callable[[], MemoryCache], far: Callable[[], RedisCache]
) -> None:
    """A subclass, whose twins would be passed by in silence, or another cache is refused by its name."""
    with pytest.raises(InvalidArgumentError, match="itself is wanted"):
        TieredCache(near(), far())


@pytest.mark.parametrize("max_staleness", ["3", None, 10**400])
def test_a_staleness_is_a_number(max_staleness: float) -> None:
    """What is no number of seconds is refused when the cache is made."""
    with pytest.raises(InvalidArgumentError, match="max_staleness"):
        TieredCache(MemoryCache(), RedisCache(NOWHERE), max_staleness=max_staleness)
