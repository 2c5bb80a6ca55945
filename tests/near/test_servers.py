"""What is near follows a real server, whatever others do to it."""

from collections.abc import Awaitable, Callable

import pytest

from layercache import (
    BackendError,
    LayerMeta,
    RedisCache,
)
from layercache.backends.redis.near.backend import MAX_AGE
from layercache.testing import ManualClock, new_repository
from tests.near.conftest import MakeNear
from tests.near.real_server import (
    CTX,
    DGST,
    HASH,
    META,
    REPO,
    SET,
    Command,
    bring_near,
    catch_up,
    find,
    link_to,
)
from tests.servers import RedisServer

# ---- others change it

ENDS: dict[str, Command] = {
    "DEL of the set": ("DEL", SET),
    "UNLINK of the hash": ("UNLINK", HASH),
    "SREM": ("SREM", SET, DGST),
    "HDEL": ("HDEL", HASH, "path", "length", "digest", "size", "mediatype"),
    "EXPIRE in the past": ("EXPIRE", SET, -1),
    "RENAME": ("RENAME", HASH, "another"),
    "EVAL": ("EVAL", "return redis.call('DEL', KEYS[1])", 1, HASH),
    "FLUSHDB": ("FLUSHDB",),
    "FLUSHALL": ("FLUSHALL",),
}


@pytest.mark.parametrize("command", ENDS.values(), ids=ENDS)
async def test_a_foreign_change_is_noticed(
    make_near: MakeNear, redis_server: RedisServer, command: Command
) -> None:
    """What another client does to a key that was read ends what is near of it, time and again."""
    cache = make_near(redis_server.url)
    for _ in range(3):
        await bring_near(cache)
        redis_server.ask(*command)
        await catch_up(cache)
        assert await find(cache) is None


async def test_what_another_wrote_is_read(make_near: MakeNear, redis_server: RedisServer) -> None:
    """A meta that another process wrote replaces the one that is near."""
    cache, other = make_near(redis_server.url), make_near(redis_server.url)
    await bring_near(cache)
    for version in range(1, 10):
        written = LayerMeta(f"/version/{version}", version)
        await other.set_meta(CTX, DGST, written)
        await catch_up(cache)
        assert [await find(cache) for _ in range(3)] == [written] * 3


async def test_an_expiry_is_noticed(make_near: MakeNear, redis_server: RedisServer) -> None:
    """A key that has expired is no longer near once the server has carried that out."""
    cache = make_near(redis_server.url)
    await bring_near(cache)
    size = redis_server.ask("DBSIZE")
    redis_server.ask("PEXPIRE", SET, 100)
    await catch_up(cache)
    assert [await find(cache) for _ in range(3)] == [META] * 3
    while redis_server.ask("DBSIZE") == size:
        await catch_up(cache)
    await catch_up(cache)
    assert await find(cache) is None


async def test_an_eviction_is_noticed(make_near: MakeNear, own_server: RedisServer) -> None:
    """What a server evicts when it runs out of memory is no longer near either."""
    cache = make_near(own_server.url)
    await bring_near(cache)
    own_server.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
    own_server.ask("CONFIG", "SET", "maxmemory", 1)
    with pytest.raises(BackendError, match="OOM"):
        await cache.add(CTX, new_repository(), DGST)
    assert await find(cache) is None


async def test_a_full_tracking_table_is_noticed(make_near: MakeNear, own_server: RedisServer) -> None:
    """A server that no longer tracks a key pushes that, and what is near of the key ends."""
    own_server.ask("CONFIG", "SET", "tracking-table-max-keys", 1)
    cache = make_near(own_server.url)
    await cache.put(CTX, REPO, DGST, META)
    assert [await find(cache) for _ in range(3)] == [META] * 3
    stats = own_server.ask("INFO", "stats")
    assert isinstance(stats, dict)
    assert stats["tracking_total_keys"] <= 1, "it has forgotten one of two"
    own_server.ask("DEL", SET, HASH)
    await catch_up(cache)
    assert await find(cache) is None


# ---- what is kept, and for how long

ASKS: dict[str, Callable[[RedisCache], Awaitable[object]]] = {
    "sismember": lambda cache: cache.contains(CTX, REPO, DGST),
    "smismember": lambda cache: cache.contains_many(CTX, REPO, [DGST]),
    "hmget": find,
}


def calls(server: RedisServer, command: str) -> int:
    """How often *server* has carried out *command*."""
    stats = server.ask("INFO", "commandstats")
    assert isinstance(stats, dict)
    counts = stats.get(f"cmdstat_{command}")
    return counts["calls"] if counts else 0


@pytest.mark.parametrize("command", ASKS)
async def test_a_miss(make_near: MakeNear, own_server: RedisServer, command: str) -> None:
    """What is unknown is asked for each time, until it is known."""
    cache, ask = make_near(own_server.url), ASKS[command]
    await bring_near(cache)
    await cache.remove(CTX, REPO, DGST)
    await catch_up(cache)
    own_server.ask("CONFIG", "RESETSTAT")
    for _ in range(10):
        assert await ask(cache) in (False, [False], None)
    assert calls(own_server, command) == 10
    own_server.ask("SADD", SET, DGST)
    await catch_up(cache)
    for _ in range(3):
        assert await ask(cache) in (True, [True], META)


async def test_a_change_that_pushes_nothing(make_near: MakeNear, own_server: RedisServer) -> None:
    """SWAPDB changes all and pushes nothing: what is near stays for its maximum age."""
    clock = ManualClock()
    link = link_to(own_server)
    cache = make_near(link, max_staleness=10 * MAX_AGE, clock=clock)
    await bring_near(cache)
    own_server.ask("SWAPDB", 0, 1)
    for tenth in range(1, 11):
        assert await find(cache) == META, f"nine tenths at least, and not {tenth - 1}"
        clock.advance(MAX_AGE / 10)
        link.follower.pinging()()  # A heartbeat was answered, so trust is no reason for its end.
    assert await find(cache) is None
