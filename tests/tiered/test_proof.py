"""Near is believed once a connection has shown that invalidations come over it, and else is off."""

import asyncio
import logging
from pathlib import Path

import pytest

from layercache import RedisCache, TieredCache
from tests.redis.crowd import PATIENCE
from tests.redis_cache.conftest import WITH_KIN
from tests.servers import RedisServer, running
from tests.tiered.conftest import MakeTiered
from tests.tiered.near_by import CTX, DGST, META, REPO, SET, bring_near, found, heard, link_to
from tests.tiered.stage import NIL, OK, PONG, Stage, changed, turns

NO_PUSH = OK + NIL + NIL
REFUSED = {
    "the server does not know it": (b"-ERR unknown command 'CLIENT'\r\n" + NIL + NIL, "unknown command"),
    "the user may not": (b"-NOPERM no permissions\r\n" + NIL + NIL, "NOPERM"),
    "the key cannot be read": (OK + b"-NOPERM No permissions to access a key\r\n" + NIL, "access a key"),
    "the key cannot be written": (OK + NIL + b"$14\r\nREADONLY write\r\n", "READONLY write"),
    "there are no scripts": (OK + NIL + b"-ERR unknown command 'EVAL'\r\n", "EVAL"),
    "nothing is pushed": (NO_PUSH, "is there a proxy"),
    "the push is of another key": (OK + NIL + changed("a") + NIL, "is there a proxy"),
}


@pytest.mark.parametrize(("replies", "why"), REFUSED.values(), ids=REFUSED)
async def test_what_is_not_shown_is_not_believed(replies: bytes, why: str) -> None:
    """Without an invalidation of its own key near is off, says why, and every question goes to Redis."""
    stage = Stage()
    stage.probed = lambda: replies  # type: ignore[method-assign]  # the fault
    await stage.connect()
    assert [await stage.stat(1), await stage.stat(2), await stage.stat(3)] == [1, 2, 3]
    assert not stage.cache.state.is_trusted
    assert why in stage.cache.state.why_off
    await stage.cache.aclose()


async def test_near_is_off_until_it_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    """The probe goes on with each heartbeat, each change is logged once, and what was read before is void."""
    caplog.set_level(logging.INFO, "layercache")
    stage = Stage()
    probed, stage.probed = stage.probed, lambda: NO_PUSH  # type: ignore[method-assign]  # the fault
    await stage.connect()
    assert await stage.stat(1) == 1
    for reply in (NO_PUSH, NO_PUSH, probed()):
        assert stage.link.wire is not None
        stage.link._ping(stage.link.wire)
        await turns()
        stage.say(reply, PONG)
        await turns()
    assert (stage.cache.state.is_trusted, stage.cache.state.why_off) == (True, "")
    assert await stage.stat(2) == 2
    assert await stage.stat(3) == 2
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    await stage.cache.aclose()


@WITH_KIN
async def test_every_server_shows_it(make_tiered: MakeTiered, redis_server: RedisServer) -> None:
    """Every server pushes the change of the probe, leaves nothing of it, and near is on."""
    cache = make_tiered(RedisCache(redis_server.url))
    await bring_near(cache)
    assert cache.state.why_off == ""
    assert redis_server.ask("KEYS", "*near-*") == []


@WITH_KIN
async def test_a_full_server_shows_it(make_tiered: MakeTiered, own_server: RedisServer) -> None:
    """A server that stores nothing new has answers near all the same."""
    writer = make_tiered(RedisCache(own_server.url))
    await writer.put(CTX, REPO, DGST, META)
    own_server.ask("CONFIG", "SET", "maxmemory", 1)
    cache = make_tiered(RedisCache(own_server.url))
    await until_known(cache)
    assert cache.state.is_trusted


@WITH_KIN
async def test_a_replica_does_not(make_tiered: MakeTiered, own_server: RedisServer) -> None:
    """On a replica near is off, for it cannot be shown, until the server becomes a primary."""
    writer = make_tiered(RedisCache(own_server.url))
    await writer.put(CTX, REPO, DGST, META)
    own_server.ask("REPLICAOF", "127.0.0.1", 1)
    cache = make_tiered(RedisCache(link_to(own_server)))
    await until_known(cache)
    assert not cache.state.is_trusted
    assert "READONLY" in cache.state.why_off
    own_server.ask("REPLICAOF", "NO", "ONE")
    await bring_near(cache)


async def until_known(cache: TieredCache) -> None:
    """Return when *cache*, which has the layer, is near or off."""
    while not (cache.state.is_trusted or cache.state.why_off):
        assert await found(cache) == META


@WITH_KIN
async def test_a_server_that_cannot_save(
    make_tiered: MakeTiered, redis_program: Path, redis_directory: Path
) -> None:
    """A server that refuses writes, and PING, since its snapshot failed is heard by near as before."""
    with running(redis_program, redis_directory, "--save", "3600 1") as server:
        (redis_directory / "dump.rdb").mkdir()  # where the snapshot would go
        cache = make_tiered(RedisCache(link_to(server)))
        await bring_near(cache)
        server.ask("BGSAVE")
        while not is_refusing(server):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
        until = cache._tracking.trusted_until
        async with asyncio.timeout(PATIENCE):
            while cache._tracking.trusted_until == until:
                await heard(cache)
        assert cache.state.is_trusted
        server.ask("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
        server.ask("SREM", SET, DGST)
        await heard(cache)
        assert await found(cache) is None


def is_refusing(server: RedisServer) -> bool:
    """Whether *server* refuses writes, for it could not save."""
    info = server.ask("INFO", "persistence")
    assert isinstance(info, dict)
    return str(info["rdb_last_bgsave_status"]) == "err"
