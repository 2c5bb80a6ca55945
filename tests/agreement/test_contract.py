"""Every cache keeps the contract."""

import pytest

from layercache import LayerInfoCache, MemoryCache, RedisCache, TieredCache, background
from layercache.testing import CHECKS, Check
from tests.servers import RedisServer


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_memory(check: Check) -> None:
    """MemoryCache keeps every promise of the contract."""
    await check(background(), MemoryCache())


@pytest.mark.parametrize("options", [{}, {"ttl": 3600.0}], ids=["for ever", "with a ttl"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_redis(check: Check, redis_server: RedisServer, options: dict[str, float]) -> None:
    """RedisCache keeps every promise of the contract, on every server found, with a ttl or without."""
    cache: LayerInfoCache = RedisCache(redis_server.url, **options)
    async with cache:
        await check(background(), cache)


@pytest.mark.parametrize("keep_misses", [False, True], ids=["", "with misses"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_tiered(check: Check, redis_server: RedisServer, keep_misses: bool) -> None:
    """TieredCache keeps every promise of the contract, on every server found, with misses near or without."""
    far = RedisCache(redis_server.url)
    cache: LayerInfoCache = TieredCache(MemoryCache(), far, keep_misses=keep_misses)
    async with cache:
        await check(background(), cache)
