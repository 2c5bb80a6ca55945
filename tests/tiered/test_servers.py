"""What is near follows a real server, whatever others do to it and whatever becomes of it.

A miss is not kept near unless that is switched on, so to ask for what nobody
has is a round trip: of what happened before it, all is heard after it.
"""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable

import psutil
import pytest
from redis.backoff import ConstantBackoff

from layercache import (
    BackendError,
    BackendUnavailableError,
    LayerCacheError,
    LayerMeta,
    MemoryCache,
    NotFoundError,
    RedisCache,
    TieredCache,
    background,
)
from layercache.redis import scripts
from layercache.redis.handshake import Handshake
from layercache.redis.link import Link
from layercache.testing import new_digest, new_repository
from tests.redis_cache.conftest import Ups
from tests.servers import RedisServer, free_port
from tests.tiered.conftest import MakeTiered

CTX = background()
REPO, DGST, META = new_repository(), new_digest(), LayerMeta("/data", 7)
SET, HASH = f"repository::{REPO}::blobs", f"blobs::{DGST}"

HEARTBEAT = 0.3  # seconds; a server that is starved for two of them is given up
MAX_STALENESS = 2 * HEARTBEAT

Command = tuple[str | int, ...]


async def heard(cache: TieredCache) -> None:
    """Return when *cache* has heard of all that was done to its server before."""
    await cache.contains(CTX, new_repository(), new_digest())


async def found(cache: TieredCache) -> LayerMeta | None:
    """What *cache* says of the layer."""
    try:
        return await cache.stat(CTX, REPO, DGST)
    except NotFoundError:
        return None


async def is_near(cache: TieredCache) -> bool:
    """Whether *cache* answers for the layer without asking the server."""
    task = asyncio.ensure_future(found(cache))
    await asyncio.sleep(0)
    is_answered = task.done()
    await task
    return is_answered


async def bring_near(cache: TieredCache) -> None:
    """Have the server know the layer, and *cache* answer without it."""
    await cache.put(CTX, REPO, DGST, META)
    while not await is_near(cache):  # trust begins with the first PING that was answered
        assert await found(cache) == META


def link_to(server: RedisServer, **options: object) -> Link:
    """A link that tries again soon, with a short heartbeat."""
    handshake = Handshake.from_url(server.url, *scripts.LOADING)
    return Link(handshake, heartbeat=HEARTBEAT, backoff=ConstantBackoff(0.01), **options)  # type: ignore[arg-type]  # as above


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


# ---- what becomes of the connection, and of the server


async def test_a_killed_connection(make_tiered: MakeTiered, own_server: RedisServer, ups: Ups) -> None:
    """What was changed while there was no connection is not near when there is one again."""
    cache = make_tiered(RedisCache(link_to(own_server, on_state=ups)))
    for times in range(1, 5):
        await bring_near(cache)
        assert own_server.ask("CLIENT", "KILL", "TYPE", "normal") == 1
        own_server.ask("SREM", SET, DGST)
        await ups.until(times + 1)
        assert await found(cache) is None


async def test_a_server_that_comes_back_empty(
    make_tiered: MakeTiered, own_server: RedisServer, ups: Ups
) -> None:
    """While a killed server is away nothing is answered, and nothing of its former life when it is back."""
    cache = make_tiered(RedisCache(link_to(own_server, on_state=ups)))
    await bring_near(cache)
    own_server.kill()
    await ups.until_down()
    with pytest.raises(BackendUnavailableError):
        await found(cache)
    own_server.start()
    await ups.until(2)
    assert await found(cache) is None


async def test_a_server_that_is_no_master_any_more(make_tiered: MakeTiered, own_server: RedisServer) -> None:
    """With the first refusal to write, nothing is near any more that the server said as a master."""
    cache = make_tiered(RedisCache(own_server.url))
    await bring_near(cache)
    own_server.ask("REPLICAOF", "127.0.0.1", free_port())
    assert cache.state.is_trusted, "nobody has told of it"
    with pytest.raises(BackendUnavailableError, match="READONLY"):
        await cache.add(CTX, new_repository(), DGST)
    assert not cache.state.is_trusted


async def test_a_server_that_hangs(make_tiered: MakeTiered, own_server: RedisServer) -> None:
    """Near answers for a server that hangs until `max_staleness` at most, and then is silent."""
    cache = make_tiered(RedisCache(link_to(own_server)), max_staleness=MAX_STALENESS)
    await bring_near(cache)
    answers = []
    stopped_at = stop(own_server)
    while True:
        asked_at = time.monotonic()
        try:
            with CTX.with_timeout(HEARTBEAT / 10) as ctx:
                assert await cache.stat(ctx, REPO, DGST) == META
        except LayerCacheError:
            break
        answers.append(asked_at)
        await asyncio.sleep(HEARTBEAT / 100)
    assert answers, "it was trusted when the server was stopped"
    assert answers[-1] - stopped_at <= MAX_STALENESS
    own_server.signal(signal.SIGCONT)
    own_server.ask("DEL", HASH)
    while True:
        try:
            await heard(cache)
            break
        except BackendUnavailableError:
            await asyncio.sleep(HEARTBEAT / 10)
    assert await found(cache) is None


def stop(server: RedisServer) -> float:
    """Stop *server*; from what is returned on, by the clock, it has done nothing."""
    info = server.ask("INFO", "server")
    assert isinstance(info, dict)
    process = psutil.Process(info["process_id"])
    server.signal(signal.SIGSTOP)
    while process.status() != psutil.STATUS_STOPPED:
        pass
    return time.monotonic()


async def test_a_user_who_may_not_track(make_tiered: MakeTiered, own_server: RedisServer) -> None:
    """Where CLIENT TRACKING is refused, every question fails with what is missing, until it is allowed."""
    own_server.ask("ACL", "SETUSER", "registry", "on", ">secret", "~*", "+@all", "-client|tracking")
    url = own_server.url.replace("//", "//registry:secret@")
    handshake = Handshake.from_url(url, *scripts.LOADING)
    cache = make_tiered(RedisCache(Link(handshake, backoff=ConstantBackoff(0.01))))
    for ask in (lambda: cache.contains(CTX, REPO, DGST), lambda: cache.meta(CTX, DGST)):
        with pytest.raises(
            BackendError, match=r"NOPERM .*client.tracking.* a near memory needs CLIENT TRACKING"
        ):
            await ask()
    own_server.ask("ACL", "SETUSER", "registry", "+client|tracking")
    while True:
        try:
            await bring_near(cache)
            break
        except BackendError:
            await asyncio.sleep(0.01)


# ---- what is kept, and for how long

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
    ttl = 3 * HEARTBEAT
    cache = make_tiered(RedisCache(link_to(own_server)), MemoryCache(ttl=ttl))
    await bring_near(cache)
    await heard(cache)
    assert await is_near(cache)
    own_server.ask("SWAPDB", 0, 1)
    swapped_at = time.monotonic()
    assert await found(cache) == META
    while await found(cache):
        assert time.monotonic() - swapped_at < 100 * ttl
        await asyncio.sleep(HEARTBEAT / 10)
