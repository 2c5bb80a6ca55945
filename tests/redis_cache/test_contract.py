"""RedisCache keeps the contract, on every server found."""

import pytest

from layercache.backends.redis.cache import RedisCache
from layercache.context import background
from layercache.testing import CHECKS, Check


@pytest.mark.every_loop
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_contract(check: Check, cache: RedisCache) -> None:
    """A cache in Redis keeps every promise of the contract."""
    await check(background(), cache)
