"""Near is on once a connection has shown that invalidations come over it, and else off."""

import asyncio
import logging
from pathlib import Path

import pytest

from layercache import RedisCache
from tests.near.conftest import MakeNear
from tests.near.parts import table_of
from tests.near.real_server import CTX, DGST, META, REPO, SET, bring_near, catch_up, find, link_to, state_of
from tests.near.simulated import NIL, OK, NearSetup, changed
from tests.redis.clients import PATIENCE
from tests.redis_cache.conftest import ON_ALL_SERVERS
from tests.servers import RedisServer, running

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
async def test_near_is_off_without_a_push(replies: bytes, why: str) -> None:
    """Without an invalidation of its own key near is off, for a reason, and Redis answers every question."""
    setup = NearSetup()
    setup.probe_replies = lambda: replies  # type: ignore[method-assign]  # the fault
    await setup.connect()
    assert [await setup.stat(1), await setup.stat(2), await setup.stat(3)] == [1, 2, 3]
    assert not setup.state.is_trusted
    assert why in setup.state.why_off
    await setup.cache.aclose()


async def test_near_is_off_until_it_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    """The probe is repeated at each heartbeat, a change is logged once, and what was read before is void."""
    caplog.set_level(logging.INFO, "layercache")
    setup = NearSetup()
    probed, setup.probe_replies = setup.probe_replies, lambda: NO_PUSH  # type: ignore[method-assign]  # the fault
    await setup.connect()
    assert await setup.stat(1) == 1
    for reply in (NO_PUSH, NO_PUSH, probed()):
        await setup.ping(reply)
    assert (setup.state.is_trusted, setup.state.why_off) == (True, "")
    assert await setup.stat(2) == 2
    assert await setup.stat(3) == 2
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    await setup.cache.aclose()


@ON_ALL_SERVERS
async def test_every_server_shows_it(make_near: MakeNear, redis_server: RedisServer) -> None:
    """Every server pushes the change of the probe, leaves nothing of it, and near is on."""
    cache = make_near(redis_server.url)
    await bring_near(cache)
    assert state_of(cache).why_off == ""
    assert redis_server.ask("KEYS", "*near-*") == []


@ON_ALL_SERVERS
async def test_a_full_server_shows_it(make_near: MakeNear, own_server: RedisServer) -> None:
    """A server that stores nothing new has answers near all the same."""
    writer = make_near(own_server.url)
    await writer.put(CTX, REPO, DGST, META)
    own_server.ask("CONFIG", "SET", "maxmemory", 1)
    cache = make_near(own_server.url)
    await until_known(cache)
    assert state_of(cache).is_trusted


@ON_ALL_SERVERS
async def test_a_replica_does_not(make_near: MakeNear, own_server: RedisServer) -> None:
    """On a replica near is off, for it cannot be shown, until the server becomes a primary."""
    writer = make_near(own_server.url)
    await writer.put(CTX, REPO, DGST, META)
    own_server.ask("REPLICAOF", "127.0.0.1", 1)
    cache = make_near(link_to(own_server))
    await until_known(cache)
    assert not state_of(cache).is_trusted
    assert "READONLY" in state_of(cache).why_off
    own_server.ask("REPLICAOF", "NO", "ONE")
    await bring_near(cache)


async def until_known(cache: RedisCache) -> None:
    """Return when *cache*, which has the layer, is near or off."""
    while not (state_of(cache).is_trusted or state_of(cache).why_off):
        assert await find(cache) == META


@ON_ALL_SERVERS
async def test_a_server_that_cannot_save(
    make_near: MakeNear, redis_program: Path, redis_directory: Path
) -> None:
    """A server that refuses writes, and PING, since its snapshot failed still pushes its changes."""
    with running(redis_program, redis_directory, "--save", "3600 1") as server:
        (redis_directory / "dump.rdb").mkdir()  # where the snapshot would go
        cache = make_near(link_to(server))
        await bring_near(cache)
        server.ask("BGSAVE")
        while not is_refusing(server):  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.01)
        until = table_of(cache).trusted_until
        async with asyncio.timeout(PATIENCE):
            while table_of(cache).trusted_until == until:
                await catch_up(cache)
        assert state_of(cache).is_trusted
        server.ask("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
        server.ask("SREM", SET, DGST)
        await catch_up(cache)
        assert await find(cache) is None


def is_refusing(server: RedisServer) -> bool:
    """Whether *server* refuses writes, for it could not save."""
    info = server.ask("INFO", "persistence")
    assert isinstance(info, dict)
    return str(info["rdb_last_bgsave_status"]) == "err"
