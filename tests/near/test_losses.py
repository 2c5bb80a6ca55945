"""What is near ends with its connection, however that ends."""

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
from tests.connection_events import ConnectionEvents
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


async def test_a_killed_connection(
    make_near: MakeNear, own_server: RedisServer, events: ConnectionEvents
) -> None:
    """What was changed while there was no connection is not near when there is one again."""
    cache = make_near(link_to(own_server, on_state=events))
    for times in range(1, 5):
        await bring_near(cache)
        assert own_server.ask("CLIENT", "KILL", "TYPE", "normal") == 1
        own_server.ask("SREM", SET, DGST)
        await events.until_up(times + 1)
        assert await find(cache) is None


async def test_a_server_that_comes_back_empty(
    make_near: MakeNear, own_server: RedisServer, events: ConnectionEvents
) -> None:
    """While a killed server is away nothing is answered, nor anything from before when it is back."""
    cache = make_near(link_to(own_server, on_state=events))
    await bring_near(cache)
    own_server.kill()
    await events.until_down()
    with pytest.raises(BackendUnavailableError):
        await find(cache)
    own_server.start()
    await events.until_up(2)
    assert await find(cache) is None


async def test_a_server_that_is_no_longer_the_primary(make_near: MakeNear, own_server: RedisServer) -> None:
    """With the first write that it refuses, nothing is near that the server answered as a primary."""
    cache = make_near(own_server.url)
    await bring_near(cache)
    own_server.ask("REPLICAOF", "127.0.0.1", free_port())
    assert state_of(cache).is_trusted, "there was no sign of it yet"
    with pytest.raises(BackendUnavailableError, match="READONLY"):
        await cache.add(CTX, new_repository(), DGST)
    assert not state_of(cache).is_trusted


async def test_a_server_that_hangs(
    make_near: MakeNear, own_server: RedisServer, events: ConnectionEvents
) -> None:
    """What is near is answered for `max_staleness` at most while the server hangs."""
    cache = make_near(link_to(own_server, on_state=events), max_staleness=MAX_STALENESS)
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
        await asyncio.sleep(0)  # A near answer does not suspend, and a heartbeat is to be missed meanwhile.
    assert last_asked_at, "it was trusted when the server was stopped"
    assert last_asked_at - stopped_at <= MAX_STALENESS
    await events.until_down()
    own_server.signal(signal.SIGCONT)
    own_server.ask("DEL", HASH)
    await events.until_up(2)
    assert await find(cache) is None


def stop(server: RedisServer) -> float:
    """Stop *server*, and return the time from which on it has done nothing."""
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
    """While CLIENT TRACKING is refused, near is off, and the log has the reason."""
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
