"""Operations whose connection is not there, does not last, or cannot be trusted."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

import pytest
from redis.backoff import ConstantBackoff

from layercache.backends.redis import scripts
from layercache.backends.redis.cache import RedisCache
from layercache.backends.redis.resp import pack
from layercache.backends.redis.schema import NonsenseError
from layercache.backends.redis.transport.handshake import Handshake
from layercache.backends.redis.transport.link import Link
from layercache.backends.redis.transport.wire import LinkLost
from layercache.errors import (
    BackendUnavailableError,
    CanceledError,
    CorruptEntryError,
    DeadlineExceededError,
    InvalidArgumentError,
)
from tests.connection_events import ConnectionEvents
from tests.redis.proxy import Proxy
from tests.redis_cache.conftest import MakeCache
from tests.redis_cache.operations import CTX, DIGEST, META, OPERATIONS, REPO
from tests.servers import RedisServer

SOON = ConstantBackoff(0.01)


class Counted(NamedTuple):
    """A cache, its link, and the server that counts what it carries out."""

    cache: RedisCache
    link: Link
    server: RedisServer

    def calls(self, command: str) -> int:
        """How often the server has carried *command* out since the test began."""
        stats = self.server.ask("INFO", "commandstats")
        assert isinstance(stats, dict)
        found = stats.get(f"cmdstat_{command}")
        return found["calls"] if found else 0

    async def until(self, command: str, count: int) -> None:
        """Return when the server has carried *command* out *count* times."""
        while await asyncio.to_thread(self.calls, command) < count:
            pass

    async def lose(self, operation: Awaitable[object], command: str) -> object:
        """Return what *operation* does whose *command* is carried out, and whose reply is lost."""
        assert self.link.wire is not None
        self.link.wire.call(pack("CLIENT", "REPLY", "OFF")).cancel()
        task = asyncio.ensure_future(operation)
        await self.until(command, 1)
        self.server.ask("CLIENT", "KILL", "TYPE", "normal")
        return await task


@pytest.fixture
async def counted(make_cache: MakeCache, own_server: RedisServer) -> Counted:
    """A cache whose connection has lasted, so that its loss is no failed attempt."""
    link = Link(Handshake.from_url(own_server.url, *scripts.LOADING), heartbeat=0.2, backoff=SOON)
    counted = Counted(make_cache(link), link, own_server)
    await link.ready()
    await counted.until("ping", 2)
    own_server.ask("CONFIG", "RESETSTAT")
    return counted


# ---- sent once more


async def test_a_read_is_sent_once_more(counted: Counted) -> None:
    """A read whose reply was lost is asked again, and answered."""
    counted.server.ask("SADD", f"repository::{REPO}::blobs", DIGEST)
    assert await counted.lose(counted.cache.contains(CTX, REPO, DIGEST), "sismember") is True
    assert counted.calls("sismember") == 2


async def test_an_unguarded_write_is_never_sent_again(counted: Counted) -> None:
    """An unguarded write whose reply was lost is an error, and was carried out once: a second may be late."""
    with pytest.raises(LinkLost):
        await counted.lose(counted.cache.put(CTX, REPO, DIGEST, META), "sadd")
    await counted.link.ready()
    assert counted.calls("sadd") == 1
    assert await counted.cache.stat(CTX, REPO, DIGEST) == META


async def test_a_lease_is_asked_for_once_more(counted: Counted) -> None:
    """A lease whose reply was lost is asked for with another token, and the first is shared."""
    lease = await counted.lose(counted.cache.lease(CTX, REPO, DIGEST), "set")
    assert counted.calls("set") == 2, "one for each half, and none the second time"
    assert counted.server.ask("GET", f"{{blobs::{DIGEST}}}::lease") == lease.meta.encode()  # type: ignore[attr-defined]


async def test_a_fill_is_sent_once_more(counted: Counted) -> None:
    """A fill whose reply was lost is refused the second time, and what it stored is there."""
    lease = await counted.cache.lease(CTX, REPO, DIGEST)
    assert lease is not None
    assert await counted.lose(counted.cache.fill(CTX, lease, META), "sadd") is False
    assert counted.calls("sadd") == 1
    assert await counted.cache.stat(CTX, REPO, DIGEST) == META


async def test_a_removal_is_sent_once_more(counted: Counted) -> None:
    """A removal whose reply was lost is carried out again."""
    await counted.cache.put(CTX, REPO, DIGEST, META)
    await counted.lose(counted.cache.remove(CTX, REPO, DIGEST), "srem")
    assert counted.calls("srem") == 2
    assert not await counted.cache.contains(CTX, REPO, DIGEST)


async def test_a_removal_is_begun_once_more(counted: Counted) -> None:
    """A removal whose begin was lost is begun again with another marker, which its end drops."""
    key = f"{{repository::{REPO}::blobs}}::lease::{DIGEST}"
    marker = await counted.lose(counted.cache.backend.begin_removal(CTX, REPO, DIGEST), "set")
    assert counted.calls("set") == 2
    assert counted.server.ask("GET", key) == str(marker).encode()
    await counted.cache.backend.end_removal(CTX, REPO, DIGEST, str(marker), has_returned=True)
    assert counted.server.ask("EXISTS", key) == 0


async def test_a_server_that_is_lost(counted: Counted) -> None:
    """A read that finds no server the second time is an error."""
    counted.server.signal(signal.SIGSTOP)
    task = asyncio.create_task(counted.cache.contains(CTX, REPO, DIGEST))
    await asyncio.sleep(0)
    counted.server.kill()
    with pytest.raises(BackendUnavailableError):
        await task


# ---- not there


async def test_a_server_that_is_down(
    make_cache: MakeCache, own_server: RedisServer, events: ConnectionEvents
) -> None:
    """A cache that is made while its server is down raises that, and works when the server is up."""
    own_server.kill()
    link = Link(Handshake.from_url(own_server.url, *scripts.LOADING), on_state=events, backoff=SOON)
    cache = make_cache(link)
    with pytest.raises(BackendUnavailableError):
        await cache.stat(CTX, REPO, DIGEST)
    ran = False
    async with cache.adding(CTX, REPO, DIGEST, META):
        ran = True
    assert ran, "a commit does not depend on the cache"
    with pytest.raises(BackendUnavailableError):
        async with cache.removing(CTX, REPO, DIGEST):
            raise AssertionError("the body ran, though the removal was not announced")
    own_server.start()
    await events.until_up(1)
    await cache.put(CTX, REPO, DIGEST, META)
    assert await cache.stat(CTX, REPO, DIGEST) == META


@pytest.fixture
async def silent() -> AsyncIterator[str]:
    """The URL of a server that accepts connections and sends nothing."""
    enough = asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await enough.wait()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}?socket_connect_timeout=60"
        enough.set()


async def test_a_deadline_while_connecting(make_cache: MakeCache, silent: str) -> None:
    """A context bounds the wait for a connection, too."""
    cache = make_cache(silent)
    with pytest.raises(DeadlineExceededError), CTX.with_timeout(0.02) as ctx:
        await cache.meta(ctx, DIGEST)
    with CTX.with_cancel() as ctx:
        task = asyncio.create_task(cache.meta(ctx, DIGEST))
        await asyncio.sleep(0)
        ctx.cancel()
    with pytest.raises(CanceledError):
        await task


async def test_a_deadline_while_waiting(make_cache: MakeCache, own_server: RedisServer) -> None:
    """An await that its context ended costs the connection nothing, and no one else an answer."""
    cache = make_cache(own_server.url)
    await cache.put(CTX, REPO, DIGEST, META)
    own_server.signal(signal.SIGSTOP)
    patient = asyncio.create_task(cache.stat(CTX, REPO, DIGEST))
    with pytest.raises(DeadlineExceededError), CTX.with_timeout(0.02) as ctx:
        await cache.contains(ctx, REPO, DIGEST)
    own_server.signal(signal.SIGCONT)
    assert await patient == META
    assert await cache.contains_many(CTX, REPO, [DIGEST, "b"]) == [True, False]


async def test_a_closed_cache(cache: RedisCache) -> None:
    """A closed cache raises an error that says so, each time that it is asked."""
    await cache.contains(CTX, REPO, DIGEST)
    await cache.aclose()
    await cache.aclose()
    for _ in range(2):
        with pytest.raises(BackendUnavailableError, match="closed"):
            await cache.contains(CTX, REPO, DIGEST)


# ---- not to be trusted

READS_OF_MANY: dict[str, Callable[[RedisCache], Awaitable[object]]] = {
    "contains_many": lambda cache: cache.contains_many(CTX, REPO, [DIGEST, "b"]),
    "stat_many": lambda cache: cache.stat_many(CTX, REPO, [DIGEST]),
}
NOISE = {"a status": b"+OK\r\n", "an array": b"*0\r\n", "a map": b"%0\r\n"}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
@pytest.mark.parametrize(
    "operation", [*OPERATIONS.values(), *READS_OF_MANY.values()], ids=[*OPERATIONS, *READS_OF_MANY]
)
async def test_an_answer_to_another_question(
    operation: Callable[[RedisCache], Awaitable[object]],
    noise: bytes,
    make_cache: MakeCache,
    redis_server: RedisServer,
    events: ConnectionEvents,
) -> None:
    """A reply of a shape that the command does not have ends in an error and a new connection."""
    async with Proxy(redis_server.port) as proxy:
        handshake = Handshake.from_url(proxy.url, *scripts.LOADING)
        cache = make_cache(Link(handshake, on_state=events, heartbeat=60, backoff=SOON))
        await cache.put(CTX, REPO, DIGEST, META)
        proxy.send_instead(noise * 3)
        with pytest.raises((NonsenseError, CorruptEntryError)):  # A status may be a value beside a half.
            await operation(cache)
        await events.until_up(2)
        await cache.put(CTX, REPO, DIGEST, META)
        assert await cache.stat(CTX, REPO, DIGEST) == META
        await cache.aclose()


# ---- what it is made with


def test_wrong_settings() -> None:
    """A time or a URL that makes no sense is refused when the cache is made."""
    for wrong in (0, -1, float("nan"), float("inf")):
        for name in ("ttl", "lease_seconds", "closing_seconds"):
            with pytest.raises(InvalidArgumentError, match=name):
                RedisCache("redis://localhost", **{name: wrong})  # type: ignore[arg-type]  # all are numbers
    with pytest.raises(InvalidArgumentError, match="ttl"):
        RedisCache("redis://localhost", ttl="1")  # type: ignore[arg-type]  # what it is about
    with pytest.raises(InvalidArgumentError):
        RedisCache("http://localhost")


async def test_repr_shows_state(make_cache: MakeCache, redis_server: RedisServer) -> None:
    """The repr of a cache shows the state of its link."""
    cache = make_cache(redis_server.url)
    assert repr(cache) == "<RedisCache <Link idle>>"
    await cache.contains(CTX, REPO, DIGEST)
    assert repr(cache) == "<RedisCache <Link up>>"
    await cache.aclose()
    assert repr(cache) == "<RedisCache <Link down: the link is closed>>"
