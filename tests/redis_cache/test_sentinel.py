"""A cache that asks Sentinel for its primary, through failovers that Sentinel decides on."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest
import redis
from redis.asyncio.sentinel import Sentinel

from layercache.backends.redis.cache import RedisCache
from layercache.backends.redis.resp import pack
from layercache.backends.redis.transport.handshake import Handshake
from layercache.backends.redis.transport.link import Link
from layercache.context import background
from layercache.errors import BackendError, BackendUnavailableError
from layercache.meta import LayerMeta
from tests.connection_events import ConnectionEvents
from tests.redis_cache.conftest import MakeCache
from tests.servers import RedisSentinel, RedisServer, running, started

CTX = background()
NAME = "registry"
REPO = "library/a"
OLD, NEW = "sha256:01", "sha256:02"
META = LayerMeta("/a", 7)
DECIDING_SECONDS = 60.0  # Sentinel's, at most
REACHING_SECONDS = 10.0  # a pause of the link, 5 at most, an attempt, 2 at most, and a slow machine


class Replicated(NamedTuple):
    """A primary, its replica, and the Sentinel that watches both."""

    primary: RedisServer
    replica: RedisServer
    sentinel: RedisSentinel

    def is_named(self, server: RedisServer) -> bool:
        """Whether Sentinel calls *server* the primary."""
        address = self.sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        return address == [b"127.0.0.1", b"%d" % server.port]

    def is_demoted(self) -> bool:
        """Whether Sentinel has demoted the old primary."""
        with suppress(redis.ConnectionError):  # it closes all connections when it is
            role = self.primary.ask("ROLE")
            return isinstance(role, list) and role[0] == b"slave"
        return False

    def has_replica(self) -> bool:
        """Whether Sentinel knows the replica."""
        return bool(self.sentinel.ask("SENTINEL", "REPLICAS", NAME))

    def has_failed_over(self) -> bool:
        """Whether Sentinel has made the replica the primary; it is asked to, until it does.

        On a busy machine it gives up what it has begun, if the replica was silent for a while.
        """
        if not self.is_named(self.replica):
            with suppress(redis.ResponseError):
                self.sentinel.ask("SENTINEL", "FAILOVER", NAME)
        return self.is_named(self.replica)


@pytest.fixture
def replicated(redis_program: Path, redis_directory: Path) -> Iterator[Replicated]:
    """A replica that has all that its primary has, and a Sentinel."""
    directories = [redis_directory / name for name in ("first", "second", "sentinel")]
    for directory in directories:
        directory.mkdir()
    with (
        running(redis_program, directories[0], "--repl-diskless-sync-delay", "0") as first,
        running(redis_program, directories[1]) as second,
        started(RedisSentinel(redis_program, directories[2])) as sentinel,
    ):
        second.ask("REPLICAOF", "127.0.0.1", first.port)
        assert first.ask("WAIT", 1, 0) == 1
        sentinel.name_primary(NAME, first)
        sentinel.ask("SENTINEL", "DEBUG", "INFO-PERIOD", 1000, "PUBLISH-PERIOD", 100)  # milliseconds
        sentinel.ask("SENTINEL", "SET", NAME, "failover-timeout", 1000)
        yield Replicated(first, second, sentinel)


@pytest.fixture
async def asked(replicated: Replicated, nothing_is_left: None) -> AsyncIterator[Sentinel]:
    """What asks the Sentinel of the replicated."""
    async with asking(("127.0.0.1", replicated.sentinel.port)) as asked:
        yield asked


@asynccontextmanager
async def asking(*addresses: tuple[str, int]) -> AsyncIterator[Sentinel]:
    """A client of the Sentinels at *addresses*, in this order."""
    asked = Sentinel(addresses)  # type: ignore[no-untyped-call]
    try:
        yield asked
    finally:
        await asyncio.gather(*(client.aclose() for client in asked.sentinels))


@pytest.fixture
def link(asked: Sentinel, events: ConnectionEvents) -> Link:
    """A link to the primary, whose connection events are counted."""
    return Link(Handshake(asked.master_for(NAME).connection_pool), on_state=events)


@pytest.fixture
def cache(link: Link, make_cache: MakeCache) -> RedisCache:
    """A cache on the primary."""
    return make_cache(link)


async def until(condition: Callable[[], bool]) -> None:
    """Return when *condition* holds."""
    async with asyncio.timeout(DECIDING_SECONDS):
        while not await asyncio.to_thread(condition):
            pass


async def reached(link: Link, events: ConnectionEvents, server: RedisServer) -> None:
    """Return when *link* is connected to *server*."""
    async with asyncio.timeout(REACHING_SECONDS):
        while True:
            before = events.count
            try:
                info = await (await link.ready()).call(pack("CLIENT", "INFO"))
            except BackendError:
                info = b""
            assert isinstance(info, bytes)
            if b"laddr=127.0.0.1:%d " % server.port in info:
                return
            await events.until_up(before + 1)


async def test_the__primary_is_found(replicated: Replicated, asked: Sentinel, make_cache: MakeCache) -> None:
    """A cache that is given the pool of a Sentinel's primary, as in the how-to, finds that primary."""
    cache = make_cache(asked.master_for(NAME).connection_pool)
    await cache.put(CTX, REPO, OLD, META)
    assert replicated.primary.ask("SISMEMBER", f"repository::{REPO}::blobs", OLD) == 1


@pytest.mark.parametrize("is_listening", [False, True], ids=["refuses", "hangs"])
async def test_a_sentinel_that_is_dead(
    is_listening: bool, replicated: Replicated, make_cache: MakeCache, events: ConnectionEvents
) -> None:
    """A Sentinel that refuses, or never answers, costs one attempt at most, and then another is asked."""
    with socket.create_server(("127.0.0.1", 0)) as dead:
        address = dead.getsockname()
        if not is_listening:
            dead.close()
        async with asking(address, ("127.0.0.1", replicated.sentinel.port)) as asked:
            pool = asked.master_for(NAME, socket_connect_timeout=0.5).connection_pool
            cache = make_cache(Link(Handshake(pool), on_state=events))
            with suppress(BackendUnavailableError):  # Old versions of redis-py take a refusal for an answer.
                await cache.put(CTX, REPO, OLD, META)
            await events.until_up(1)
            await cache.put(CTX, REPO, OLD, META)
            await cache.aclose()


async def test_a_failover(
    replicated: Replicated, link: Link, cache: RedisCache, events: ConnectionEvents
) -> None:
    """When Sentinel makes a replica the primary, the cache goes on there by itself."""
    await cache.put(CTX, REPO, OLD, META)
    assert await asyncio.to_thread(replicated.primary.ask, "WAIT", 1, 0) == 1
    await until(replicated.has_failed_over)
    await until(replicated.is_demoted)
    await reached(link, events, replicated.replica)
    await cache.put(CTX, REPO, NEW, META)
    assert await cache.stat_many(CTX, REPO, [OLD, NEW]) == [META, META]
    assert replicated.replica.ask("SISMEMBER", f"repository::{REPO}::blobs", NEW) == 1


async def test_a__primary_that_dies(
    replicated: Replicated, link: Link, cache: RedisCache, events: ConnectionEvents
) -> None:
    """When the primary dies and Sentinel has found another, so has the cache, scripts and all."""
    replicated.sentinel.ask("SENTINEL", "SET", NAME, "down-after-milliseconds", 300)
    await until(replicated.has_replica)
    assert await cache.lease(CTX, REPO, OLD) is not None
    replicated.primary.kill()
    await until(lambda: replicated.is_named(replicated.replica))
    await reached(link, events, replicated.replica)
    lease = await cache.lease(CTX, REPO, OLD)
    assert lease is not None
    assert await cache.fill(CTX, lease, META)
