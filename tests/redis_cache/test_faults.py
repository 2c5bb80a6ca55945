"""What a server may refuse, under two hundred tasks that go on reading, storing and removing.

Each task checks that its answer belongs to the digest it asked for, and that each
await ended by its deadline; each test, that afterwards no task is refused.
"""

import asyncio
import random

import pytest
from redis.backoff import ConstantBackoff

from layercache.backends.redis import scripts
from layercache.backends.redis.cache import RedisCache
from layercache.backends.redis.transport.handshake import Handshake
from layercache.backends.redis.transport.link import Link
from layercache.context import Context
from layercache.errors import NotFoundError
from layercache.meta import LayerMeta
from layercache.testing import new_digest, new_meta
from tests.redis.clients import TASKS, Clients, recovered
from tests.redis_cache.conftest import MakeCache
from tests.servers import RedisServer, free_port

pytestmark = pytest.mark.every_loop

REPO = "library/a"
METAS: dict[str, LayerMeta] = {dgst: new_meta(dgst) for dgst in (new_digest() for _ in range(100))}
PATIENT = (
    10.0  # seconds between two heartbeats, where a busy machine is not to be taken for a server that hangs
)
FLUSHES = 20


class Registry(Clients):
    """Clients that do what the handlers of a registry do, all with the same layers."""

    def __init__(self, cache: RedisCache) -> None:
        super().__init__()
        self._cache = cache
        self._acts = (self._read, self._read, self._read_many, self._put, self._fill, self._remove)

    async def act(self, ctx: Context, task: int, chance: random.Random) -> None:
        """Do one thing with some of the layers."""
        await chance.choice(self._acts)(ctx, chance.sample(list(METAS), 10))

    async def _read(self, ctx: Context, dgsts: list[str]) -> None:
        try:
            assert await self._cache.stat(ctx, REPO, dgsts[0]) == METAS[dgsts[0]]
        except NotFoundError:
            return

    async def _read_many(self, ctx: Context, dgsts: list[str]) -> None:
        for dgst, meta in zip(dgsts, await self._cache.stat_many(ctx, REPO, dgsts), strict=True):
            assert meta in (None, METAS[dgst])

    async def _put(self, ctx: Context, dgsts: list[str]) -> None:
        await self._cache.put(ctx, REPO, dgsts[0], METAS[dgsts[0]])

    async def _fill(self, ctx: Context, dgsts: list[str]) -> None:
        lease = await self._cache.lease(ctx, REPO, dgsts[0])
        if lease is not None:
            await self._cache.fill(ctx, lease, METAS[dgsts[0]])

    async def _remove(self, ctx: Context, dgsts: list[str]) -> None:
        await self._cache.remove(ctx, REPO, dgsts[0])

    def __repr__(self) -> str:
        return f"<Registry on {self._cache!r}>"


@pytest.fixture
def link(own_server: RedisServer) -> Link:
    """A link that tries again soon."""
    handshake = Handshake.from_url(own_server.url, *scripts.LOADING)
    return Link(handshake, heartbeat=PATIENT, backoff=ConstantBackoff(0.02))


@pytest.fixture
def busy(make_cache: MakeCache, link: Link) -> RedisCache:
    """The cache that all use."""
    return make_cache(link)


async def assert_none_is_refused(cache: RedisCache, link: Link) -> None:
    """Run the clients once more, when the link is up, without a fault; the machine may be slow."""
    await recovered(link)
    async with Registry(cache) as clients:
        pass
    assert not clients.outcomes.keys() - {"answer", "DeadlineExceededError"}


async def test_a_killed_server(own_server: RedisServer, link: Link, busy: RedisCache) -> None:
    """While a server is dead all fails at once, and once it is started again all is done again."""
    async with Registry(busy) as clients:
        own_server.kill()
        await clients.more("BackendUnavailableError")
        own_server.start()
        await clients.more("answer")
    await assert_none_is_refused(busy, link)


async def test_a_full_server(own_server: RedisServer, link: Link, busy: RedisCache) -> None:
    """A server at its maxmemory refuses to store and goes on to answer, over the same connection."""
    async with Registry(busy) as clients:
        before = link.wire
        own_server.ask("CONFIG", "SET", "maxmemory", 1)
        await clients.more("BackendError")
        await clients.more("answer")
        own_server.ask("CONFIG", "SET", "maxmemory", 0)
    await assert_none_is_refused(busy, link)
    assert link.wire is before


async def test_lost_scripts(own_server: RedisServer, link: Link, busy: RedisCache) -> None:
    """A server that loses its scripts again and again refuses no task, and costs no connection."""
    async with Registry(busy) as clients:
        before = link.wire
        for _ in range(FLUSHES):
            await asyncio.to_thread(own_server.ask, "SCRIPT", "FLUSH")
            await clients.more("answer", TASKS)
    assert not clients.outcomes.keys() - {"answer", "DeadlineExceededError"}
    stats = own_server.ask("INFO", "commandstats")
    assert isinstance(stats, dict)
    assert stats["cmdstat_eval"]["calls"] >= FLUSHES
    await assert_none_is_refused(busy, link)
    assert link.wire is before


async def test_a_replica(own_server: RedisServer, link: Link, busy: RedisCache) -> None:
    """A server that has become a replica is left, as often as it is found to be one."""
    async with Registry(busy) as clients:
        own_server.ask("REPLICAOF", "127.0.0.1", free_port())
        await clients.more("BackendUnavailableError")
        own_server.ask("REPLICAOF", "NO", "ONE")
        await clients.more("answer")
    await assert_none_is_refused(busy, link)


async def test_an_entry_of_a_wrong_type(own_server: RedisServer, link: Link, busy: RedisCache) -> None:
    """A key of a wrong type is a corrupt entry to each task that reads it, and costs no connection."""
    async with Registry(busy) as clients:
        before = link.wire
        own_server.ask("SET", f"repository::{REPO}::blobs", "no set")
        await clients.more("CorruptEntryError")
        own_server.ask("DEL", f"repository::{REPO}::blobs")
        await clients.more("answer")
    await assert_none_is_refused(busy, link)
    assert link.wire is before
