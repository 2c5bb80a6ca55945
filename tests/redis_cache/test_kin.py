"""The contract is kept by a Redis 6.2, the oldest that will do, and by a Valkey."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from layercache import background, open_cache
from layercache.testing import CHECKS, Check
from tests.redis_cache.conftest import MakeCache
from tests.servers import RedisServer, find_kin, running

KIN = find_kin()


@pytest.fixture(scope="session", params=list(KIN.values()), ids=list(KIN))
def _shared(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    with TemporaryDirectory(prefix="redis-") as name, running(request.param, Path(name)) as server:
        yield server


@pytest.fixture
def relative(_shared: RedisServer) -> RedisServer:
    """Each of them, empty."""
    _shared.ask("FLUSHALL")
    return _shared


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_contract(check: Check, make_cache: MakeCache, relative: RedisServer) -> None:
    """A cache in it keeps every promise of the contract."""
    await check(background(), make_cache(relative.url))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_contract_near(check: Check, relative: RedisServer) -> None:
    """A near memory before it keeps every promise of the contract."""
    async with open_cache(f"{relative.url}?near=1000") as cache:
        await check(background(), cache)
