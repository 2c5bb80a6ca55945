"""A server in cluster mode, which refuses each command and each script that touches two slots."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from layercache.backends.redis.cache import RedisCache
from layercache.context import background
from layercache.errors import BackendError
from layercache.testing import CHECKS, Check
from tests.redis_cache.conftest import MakeCache
from tests.servers import RedisServer, running

SLOTS = 16_384


@pytest.fixture(scope="session")
def node(redis_program: Path) -> Iterator[RedisServer]:
    """A cluster of one, which has every slot."""
    with (
        TemporaryDirectory(prefix="redis-") as name,
        running(redis_program, Path(name), "--cluster-enabled", "yes") as server,
    ):
        server.ask("CLUSTER", "ADDSLOTS", *range(SLOTS))
        while b"cluster_state:ok" not in str(server.ask("CLUSTER", "INFO")).encode():
            pass  # it takes two seconds to believe it
        yield server


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_the_contract_in_a_cluster(check: Check, make_cache: MakeCache, node: RedisServer) -> None:
    """Every promise is kept by commands of one slot each."""
    await check(background(), make_cache(node.url))


async def test_a_cluster_is_strict(node: RedisServer, make_cache: MakeCache) -> None:
    """The documented limit holds: a name with a brace separates a key from its lease, and is refused."""
    cache = make_cache(node.url)
    await cache.remove(background(), "a", "b")
    with pytest.raises(BackendError, match="CROSSSLOT"):
        await cache.remove(background(), "a}", "b")


async def test_a_name_with_a_brace_elsewhere(cache: RedisCache) -> None:
    """Without a cluster a name with a brace works."""
    await cache.add(background(), "a}", "{b}")
    assert await cache.contains(background(), "a}", "{b}")
    await cache.remove(background(), "a}", "{b}")
    assert not await cache.contains(background(), "a}", "{b}")
