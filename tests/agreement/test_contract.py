"""Every cache keeps the contract."""

import pytest

from layercache import MemoryCache, Observer, RedisCache, background
from layercache.testing import CHECKS, Check
from tests.servers import RedisServer


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_memory(check: Check) -> None:
    """MemoryCache keeps every promise of the contract."""
    await check(background(), MemoryCache())


@pytest.mark.parametrize("ttl", [None, 3600.0], ids=["without a ttl", "with a ttl"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_redis(check: Check, redis_server: RedisServer, ttl: float | None) -> None:
    """RedisCache keeps every promise of the contract, on every server, with a ttl or without."""
    async with RedisCache(redis_server.url, ttl=ttl) as cache:
        await check(background(), cache)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_near(check: Check, redis_server: RedisServer) -> None:
    """RedisCache with near entries keeps every promise of the contract, on every server."""
    async with RedisCache(redis_server.url, near=100_000) as cache:
        await check(background(), cache)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_observed(check: Check) -> None:
    """An observed cache keeps every promise of the contract."""
    await check(background(), MemoryCache(observer=Observer()))
