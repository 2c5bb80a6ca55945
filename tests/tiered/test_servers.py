"""What is near follows a real server, whatever others do to it.

A miss is not kept near unless that is switched on, so to ask for what nobody
has is a round trip: of what happened before it, all is heard after it.
"""

from collections.abc import Awaitable, Callable

import pytest

from layercache import (
    BackendError,
    LayerMeta,
    MemoryCache,
    RedisCache,
    TieredCache,
)
from layercache.testing import ManualClock, new_repository
from tests.servers import RedisServer
from tests.tiered.conftest import MakeTiered
from tests.tiered.near_by import (
    CTX,
    DGST,
    HASH,
    META,
    REPO,
    SET,
    Command,
    bring_near,
    found,
    heard,
    link_to,
)

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
async def test_a_foreign_change_is_heard(
    make_tiered: MakeTiered, redis_server: RedisServer, command: Command
) -> None:
    """What anybody does to a key that was read ends what is near of it, time and again."""
    cache = make_tiered(RedisCache(redis_server.url))
    for _ in range(3):
        await bring_near(cache)
        redis_server.ask(*command)
        await heard(cache)
        assert await found(cache) is None


async def test_what_another_wrote_is_read(make_tiered: MakeTiered, redis_server: RedisServer) -> None:
    """A meta that another process wrote takes the place of the one that is near."""
    cache, other = make_tiered(RedisCache(redis_server.url)), make_tiered(RedisCache(redis_server.url))
    await bring_near(cache)
    for version in range(1, 10):
        written = LayerMeta(f"/version/{version}", version)
        await other.set_meta(CTX, DGST, written)
        await heard(cache)
        assert [await found(cache) for _ in range(3)] == [written] * 3


async def test_an_expiry_is_heard(make_tiered: MakeTiered, redis_server: RedisServer) -> None:
    """A key that has expired is not near any more once the server has carried that out."""
    cache = make_tiered(RedisCache(redis_server.url))
    await bring_near(cache)
    size = redis_server.ask("DBSIZE")
    redis_server.ask("PEXPIRE", SET, 100)
    await heard(cache)
    assert [await found(cache) for _ in range(3)] == [META] * 3
    while redis_server.ask("DBSIZE") == size:
        await heard(cache)
    await heard(cache)
    assert await found(cache) is None


async def test_an_eviction_is_heard(make_tiered: MakeTiered, own_server: RedisServer) -> None:
    """A server that runs out of memory takes what it evicts from those who keep it near, too."""
    cache = make_tiered(RedisCache(own_server.url))
    await bring_near(cache)
    own_server.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
    own_server.ask("CONFIG", "SET", "maxmemory", 1)
    with pytest.raises(BackendError, match="OOM"):
        await cache.add(CTX, new_repository(), DGST)
    assert await found(cache) is None


async def test_a_full_tracking_table_is_heard(make_tiered: MakeTiered, own_server: RedisServer) -> None:
    """A server that forgets what was read says so, and what is near of it ends."""
    own_server.ask("CONFIG", "SET", "tracking-table-max-keys", 1)
    cache = make_tiered(RedisCache(own_server.url))
    await cache.put(CTX, REPO, DGST, META)
    assert [await found(cache) for _ in range(3)] == [META] * 3
    stats = own_server.ask("INFO", "stats")
    assert isinstance(stats, dict)
    assert stats["tracking_total_keys"] <= 1, "it has forgotten one of two"
    own_server.ask("DEL", SET, HASH)
    await heard(cache)
    assert await found(cache) is None


# ---- what is kept, and for how long

NEAR_TTL = 900.0

ASKS: dict[str, Callable[[TieredCache], Awaitable[object]]] = {
    "sismember": lambda cache: cache.contains(CTX, REPO, DGST),
    "smismember": lambda cache: cache.contains_many(CTX, REPO, [DGST]),
    "hmget": found,
}


def calls(server: RedisServer, command: str) -> int:
    """How often *server* has carried *command* out."""
    stats = server.ask("INFO", "commandstats")
    assert isinstance(stats, dict)
    told = stats.get(f"cmdstat_{command}")
    return told["calls"] if told else 0


@pytest.mark.parametrize("keep_misses", [False, True])
@pytest.mark.parametrize("command", ASKS)
async def test_a_miss(
    make_tiered: MakeTiered, own_server: RedisServer, command: str, keep_misses: bool
) -> None:
    """What nobody has is asked for each time; if misses are kept, no more than until somebody has it."""
    cache, ask = make_tiered(RedisCache(own_server.url), keep_misses=keep_misses), ASKS[command]
    await bring_near(cache)
    await cache.remove(CTX, REPO, DGST)
    await heard(cache)
    own_server.ask("CONFIG", "RESETSTAT")
    for _ in range(10):
        assert await ask(cache) in (False, [False], None)
    assert calls(own_server, command) == (1 if keep_misses else 10)
    own_server.ask("SADD", SET, DGST)
    await heard(cache)
    for _ in range(3):
        assert await ask(cache) in (True, [True], META)


async def test_a_change_that_pushes_nothing(make_tiered: MakeTiered, own_server: RedisServer) -> None:
    """SWAPDB changes all and tells nobody: what is near stays for its maximum age, which is the near ttl."""
    clock = ManualClock()
    near = MemoryCache(ttl=NEAR_TTL, clock=clock)
    cache = make_tiered(RedisCache(link_to(own_server)), near, max_staleness=10 * NEAR_TTL)
    await bring_near(cache)
    own_server.ask("SWAPDB", 0, 1)
    for tenth in range(1, 11):
        assert await found(cache) == META, f"nine tenths at least, and not {tenth - 1}"
        clock.advance(NEAR_TTL / 10)
        cache._tracking.pinging()()  # A heartbeat was answered: so trust is no reason for it to end.
    assert await found(cache) is None
