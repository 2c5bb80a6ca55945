"""A cache that asks Sentinel for its master, through failovers that Sentinel decides on."""

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


class House(NamedTuple):
    """A master, its replica, and the Sentinel that watches both."""

    master: RedisServer
    replica: RedisServer
    sentinel: RedisSentinel

    def is_named(self, server: RedisServer) -> bool:
        """Whether Sentinel calls *server* the master."""
        told = self.sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        return told == [b"127.0.0.1", b"%d" % server.port]

    def is_demoted(self) -> bool:
        """Whether Sentinel has told the old master that it is none."""
        with suppress(redis.ConnectionError):  # it closes all connections when it is
            told = self.master.ask("ROLE")
            return isinstance(told, list) and told[0] == b"slave"
        return False

    def has_replica(self) -> bool:
        """Whether Sentinel has heard of the replica."""
        return bool(self.sentinel.ask("SENTINEL", "REPLICAS", NAME))

    def has_failed_over(self) -> bool:
        """Whether Sentinel has made the replica the master; it is asked to, until it does.

        On a busy machine it gives up what it has begun, if it has not heard of the replica for a while.
        """
        if not self.is_named(self.replica):
            with suppress(redis.ResponseError):
                self.sentinel.ask("SENTINEL", "FAILOVER", NAME)
        return self.is_named(self.replica)


@pytest.fixture
def house(redis_program: Path, redis_directory: Path) -> Iterator[House]:
    """A house in which the replica has all that the master has."""
    places = [redis_directory / name for name in ("first", "second", "sentinel")]
    for place in places:
        place.mkdir()
    with (
        running(redis_program, places[0], "--repl-diskless-sync-delay", "0") as first,
        running(redis_program, places[1]) as second,
        started(RedisSentinel(redis_program, places[2])) as sentinel,
    ):
        second.ask("REPLICAOF", "127.0.0.1", first.port)
        assert first.ask("WAIT", 1, 0) == 1
        sentinel.call_master(NAME, first)
        sentinel.ask("SENTINEL", "DEBUG", "INFO-PERIOD", 1000, "PUBLISH-PERIOD", 100)  # milliseconds
        sentinel.ask("SENTINEL", "SET", NAME, "failover-timeout", 1000)
        yield House(first, second, sentinel)


@pytest.fixture
async def asked(house: House, nothing_is_left: None) -> AsyncIterator[Sentinel]:
    """What asks the Sentinel of the house."""
    async with asking(("127.0.0.1", house.sentinel.port)) as asked:
        yield asked


@asynccontextmanager
async def asking(*places: tuple[str, int]) -> AsyncIterator[Sentinel]:
    """What asks the Sentinels at *places*, in this order."""
    asked = Sentinel(places)  # type: ignore[no-untyped-call]
    try:
        yield asked
    finally:
        await asyncio.gather(*(client.aclose() for client in asked.sentinels))


@pytest.fixture
def link(asked: Sentinel, events: ConnectionEvents) -> Link:
    """A link to the master, which tells of its states."""
    return Link(Handshake(asked.master_for(NAME).connection_pool), on_state=events)


@pytest.fixture
def cache(link: Link, make_cache: MakeCache) -> RedisCache:
    """A cache on the master."""
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
                told = await (await link.ready()).call(pack("CLIENT", "INFO"))
            except BackendError:
                told = b""
            assert isinstance(told, bytes)
            if b"laddr=127.0.0.1:%d " % server.port in told:
                return
            await events.until_up(before + 1)


async def test_the_master_is_found(house: House, asked: Sentinel, make_cache: MakeCache) -> None:
    """A cache that is given the pool of a Sentinel's master, as the how-to says, finds that master."""
    cache = make_cache(asked.master_for(NAME).connection_pool)
    await cache.put(CTX, REPO, OLD, META)
    assert house.master.ask("SISMEMBER", f"repository::{REPO}::blobs", OLD) == 1


@pytest.mark.parametrize("is_listening", [False, True], ids=["refuses", "hangs"])
async def test_a_sentinel_that_is_dead(
    is_listening: bool, house: House, make_cache: MakeCache, events: ConnectionEvents
) -> None:
    """A Sentinel that refuses, or never answers, costs one attempt at most, and then another is asked."""
    with socket.create_server(("127.0.0.1", 0)) as dead:
        place = dead.getsockname()
        if not is_listening:
            dead.close()
        async with asking(place, ("127.0.0.1", house.sentinel.port)) as asked:
            pool = asked.master_for(NAME, socket_connect_timeout=0.5).connection_pool
            cache = make_cache(Link(Handshake(pool), on_state=events))
            with suppress(BackendUnavailableError):  # Old versions of redis-py take a refusal for an answer.
                await cache.put(CTX, REPO, OLD, META)
            await events.until_up(1)
            await cache.put(CTX, REPO, OLD, META)
            await cache.aclose()


async def test_a_failover(house: House, link: Link, cache: RedisCache, events: ConnectionEvents) -> None:
    """When Sentinel makes a replica the master, the cache goes on there by itself."""
    await cache.put(CTX, REPO, OLD, META)
    assert await asyncio.to_thread(house.master.ask, "WAIT", 1, 0) == 1
    await until(house.has_failed_over)
    await until(house.is_demoted)
    await reached(link, events, house.replica)
    await cache.put(CTX, REPO, NEW, META)
    assert await cache.stat_many(CTX, REPO, [OLD, NEW]) == [META, META]
    assert house.replica.ask("SISMEMBER", f"repository::{REPO}::blobs", NEW) == 1


async def test_a_master_that_dies(
    house: House, link: Link, cache: RedisCache, events: ConnectionEvents
) -> None:
    """When the master dies and Sentinel has found another, so has the cache, scripts and all."""
    house.sentinel.ask("SENTINEL", "SET", NAME, "down-after-milliseconds", 300)
    await until(house.has_replica)
    assert await cache.lease(CTX, REPO, OLD) is not None
    house.master.kill()
    await until(lambda: house.is_named(house.replica))
    await reached(link, events, house.replica)
    lease = await cache.lease(CTX, REPO, OLD)
    assert lease is not None
    assert await cache.fill(CTX, lease, META)
