"""The contract is kept by a Redis 6.2, the oldest that is supported, and by a Valkey."""

import os

import pytest

from layercache import background, open_cache
from layercache.backends.redis.cache import RedisCache
from layercache.testing import CHECKS, Check
from tests.redis_cache.conftest import OTHER_SERVERS, on_servers
from tests.servers import RedisServer


def test_some_are_found() -> None:
    """One of them at least is installed with the dependencies of the tests, and can be run."""
    assert OTHER_SERVERS
    assert all(os.access(program, os.X_OK) for program in OTHER_SERVERS.values())


@on_servers(OTHER_SERVERS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_contract(check: Check, cache: RedisCache) -> None:
    """A cache in it keeps every promise of the contract."""
    await check(background(), cache)


@on_servers(OTHER_SERVERS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_contract_near(check: Check, redis_server: RedisServer) -> None:
    """A cache with near entries before it keeps every promise of the contract."""
    async with open_cache(f"{redis_server.url}?near=1000") as cache:
        await check(background(), cache)
