"""An interrupted removal leaves no stale entry, in any backend, whatever interrupted it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from layercache import (
    Context,
    LayerInfoCache,
    MemoryCache,
    NotFoundError,
    ReadThroughCache,
    RedisCache,
)
from layercache.testing import new_digest, new_meta, new_repository
from tests.holds.storage import CTX, WAYS, LateStorage, Way
from tests.servers import RedisServer

REPO, DGST = new_repository(), new_digest()
META = new_meta(DGST)


@pytest.fixture(params=["memory", "redis", "near"])
async def cache(request: pytest.FixtureRequest, redis_server: RedisServer) -> AsyncIterator[LayerInfoCache]:
    """A cache of each kind."""
    kinds: dict[str, Callable[[], LayerInfoCache]] = {
        "memory": MemoryCache,
        "redis": lambda: RedisCache(redis_server.url),
        "near": lambda: RedisCache(redis_server.url, near=100),
    }
    async with kinds[request.param]() as cache:
        yield cache


class Removal:
    """A storage, the read-through before it, and one of its two brackets, `removing` or `forgetting`."""

    def __init__(self, name: str, cache: LayerInfoCache) -> None:
        is_link = name == "removing"
        self.storage = LateStorage(
            lambda storage: storage.unlink(REPO, DGST) if is_link else storage.delete(DGST)
        )
        self.storage.put(REPO, DGST, META)
        self.cache = cache
        self.front = ReadThroughCache(cache, self.storage)
        self._is_link = is_link

    def bracket(self, ctx: Context) -> AbstractAsyncContextManager[None]:
        return self.front.removing(ctx, REPO, DGST) if self._is_link else self.front.forgetting(ctx, DGST)

    async def read(self) -> None:
        """Read a yes from the storage, and check that the cache does not keep it."""
        assert await self.front.stat(CTX, REPO, DGST) == META
        assert await self.front.confirm(CTX, REPO, DGST) == META
        assert await self.cache.stat_many(CTX, REPO, [DGST]) == [None]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", ["removing", "forgetting"])
async def test_a_late_deletion_leaves_no_stale_entry(cache: LayerInfoCache, name: str, way: Way) -> None:
    """Reads and retried removals after an interruption leave no entry that a late deletion makes stale."""
    removal = Removal(name, cache)
    await removal.front.stat(CTX, REPO, DGST)
    async with removal.storage:
        await way(removal.bracket, removal.storage)
        await removal.read()
        async with removal.bracket(CTX):
            pass
        await removal.read()
        await removal.front.report_missing(CTX, REPO, DGST)
        await removal.read()
    with pytest.raises(NotFoundError):
        await removal.front.stat(CTX, REPO, DGST)
    assert not await removal.front.contains(CTX, REPO, DGST)
