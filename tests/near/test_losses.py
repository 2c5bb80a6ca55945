"""What is near follows its connection, and its server, whatever becomes of them."""

import asyncio
import re
import signal
import time

import psutil
import pytest

from layercache import (
    BackendUnavailableError,
    LayerCacheError,
)
from layercache.backends.redis import scripts
from layercache.backends.redis.transport.handshake import Handshake
from layercache.backends.redis.transport.link import Link
from layercache.testing import new_repository
from tests.near.conftest import MakeNear
from tests.near.real_server import (
    CTX,
    DGST,
    HASH,
    HEARTBEAT,
    MAX_STALENESS,
    META,
    REPO,
    SET,
    bring_near,
    find,
    link_to,
    state_of,
)
from tests.servers import RedisServer, free_port
from tests.ups import Ups


async def test_a_killed_connection(make_near: MakeNear, own_server: RedisServer, ups: Ups) -> None:
    """What was changed while there was no connection is not near when there is one again."""
    cache = make_near(link_to(own_server, on_state=ups))
    for times in range(1, 5):
        await bring_near(cache)
        assert own_server.ask("CLIENT", "KILL", "TYPE", "normal") == 1
        own_server.ask("SREM", SET, DGST)
        await ups.until(times + 1)
        assert await find(cache) is None


async def test_a_server_that_comes_back_empty(make_near: MakeNear, own_server: RedisServer, ups: Ups) -> None:
    """While a killed server is away nothing is answered, and nothing of its former life when it is back."""
    cache = make_near(link_to(own_server, on_state=ups))
    await bring_near(cache)
    own_server.kill()
    await ups.until_down()
    with pytest.raises(BackendUnavailableError):
        await find(cache)
    own_server.start()
    await ups.until(2)
    assert await find(cache) is None


async def test_a_server_that_is_no_master_any_more(make_near: MakeNear, own_server: RedisServer) -> None:
    """With the first refusal to write, nothing is near any more that the server said as a master."""
    cache = make_near(own_server.url)
    await bring_near(cache)
    own_server.ask("REPLICAOF", "127.0.0.1", free_port())
    assert state_of(cache).is_trusted, "nobody has told of it"
    with pytest.raises(BackendUnavailableError, match="READONLY"):
        await cache.add(CTX, new_repository(), DGST)
    assert not state_of(cache).is_trusted


async def test_a_server_that_hangs(make_near: MakeNear, own_server: RedisServer, ups: Ups) -> None:
    """Near answers for a server that hangs until `max_staleness` at most, and then is silent."""
    cache = make_near(link_to(own_server, on_state=ups), max_staleness=MAX_STALENESS)
    await bring_near(cache)
    last_asked_at = 0.0
    stopped_at = stop(own_server)
    while True:
        asked_at = time.monotonic()
        try:
            with CTX.with_timeout(HEARTBEAT / 10) as ctx:
                assert await cache.stat(ctx, REPO, DGST) == META
        except LayerCacheError:
            break
        last_asked_at = asked_at
        await asyncio.sleep(0)  # What is near suspends nobody, and a heartbeat is to be missed meanwhile.
    assert last_asked_at, "it was trusted when the server was stopped"
    assert last_asked_at - stopped_at <= MAX_STALENESS
    await ups.until_down()
    own_server.signal(signal.SIGCONT)
    own_server.ask("DEL", HASH)
    await ups.until(2)
    assert await find(cache) is None


def stop(server: RedisServer) -> float:
    """Stop *server*; from what is returned on, by the clock, it has done nothing."""
    info = server.ask("INFO", "server")
    assert isinstance(info, dict)
    process = psutil.Process(info["process_id"])
    server.signal(signal.SIGSTOP)
    while process.status() != psutil.STATUS_STOPPED:
        pass
    return time.monotonic()


async def test_a_user_who_may_not_track(
    make_near: MakeNear, own_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Where CLIENT TRACKING is refused, near is off until it is allowed, with the reason in the log."""
    own_server.ask("ACL", "SETUSER", "registry", "on", ">secret", "~*", "+@all", "-client|tracking")
    url = own_server.url.replace("//", "//registry:secret@")
    handshake = Handshake.from_url(url, *scripts.LOADING)
    cache = make_near(Link(handshake, heartbeat=HEARTBEAT / 10))
    await cache.put(CTX, REPO, DGST, META)
    while not state_of(cache).why_off:
        assert await find(cache) == META
    before = state_of(cache).far
    assert [await find(cache) for _ in range(10)] == [META] * 10
    assert (state_of(cache).is_trusted, state_of(cache).far) == (False, before + 10)
    for text in (state_of(cache).why_off, caplog.text):
        assert re.search(r"needs CLIENT TRACKING.*NOPERM.*client.tracking", text)
    own_server.ask("ACL", "SETUSER", "registry", "+client|tracking")
    await bring_near(cache)
    assert state_of(cache).why_off == ""
