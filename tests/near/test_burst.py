"""Another process changes, ten thousand times a second, what a node has near: it still answers, and right."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

import pytest

from layercache import LayerMeta, RedisCache
from tests.memory.inside import digest
from tests.near.burst import REPOSITORIES, repository
from tests.near.nodes import at_once, meta, node
from tests.near.parts import check_bounds, count_repositories, table_of
from tests.near.real_server import CTX, catch_up, state_of
from tests.servers import RedisServer

LAYERS, QUIET = 1_000, 100
WRITES, RATE = 10_000, 10_000
MAX_ENTRIES = LAYERS + QUIET

STORMED = {
    repository(first): [digest(number) for number in range(first, LAYERS, REPOSITORIES)]
    for first in range(REPOSITORIES)
}
CALM = {"calm": [digest(number) for number in range(LAYERS, LAYERS + QUIET)]}

Versions = dict[str, int]


@pytest.fixture
async def far(redis_server: RedisServer) -> AsyncIterator[RedisCache]:
    """What the server has, with all layers in their first version."""
    async with RedisCache(redis_server.url) as far:
        for repo, dgsts in (STORMED | CALM).items():
            await asyncio.gather(*(far.put(CTX, repo, dgst, meta(0)) for dgst in dgsts))
        yield far


@pytest.fixture
async def cache(redis_server: RedisServer, far: RedisCache) -> AsyncIterator[RedisCache]:
    """A node that has all of it near."""
    async with node(redis_server.url, MAX_ENTRIES) as cache:
        for _ in range(2):
            for repo, dgsts in (STORMED | CALM).items():
                await cache.stat_many(CTX, repo, dgsts)
        assert state_of(cache).entries == MAX_ENTRIES
        yield cache


@contextlib.asynccontextmanager
async def storm(server: RedisServer) -> AsyncIterator["asyncio.Task[int]"]:
    """The writer; the task is done when its process has ended."""
    command = ("-m", "tests.near.burst", server.url, str(LAYERS), str(WRITES), str(RATE))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.DEVNULL
    )
    ended = asyncio.create_task(process.wait())
    try:
        yield ended
    finally:
        if not ended.done():
            process.kill()
        assert await ended == 0


async def versions(cache: RedisCache) -> Versions:
    """The version of each layer, as *cache* tells it."""
    found: Versions = {}
    await asyncio.sleep(0)  # An answer from near lets nobody else run.
    for repo, dgsts in STORMED.items():
        for dgst, known in zip(dgsts, await cache.stat_many(CTX, repo, dgsts), strict=True):
            assert isinstance(known, LayerMeta), f"{repo} has {dgst}"
            found[dgst] = known.length
    return found


async def test_it_is_right(cache: RedisCache, far: RedisCache, redis_server: RedisServer) -> None:
    """In a storm no layer goes back to an older version, and after it each is what the server has."""
    before = state_of(cache).changes
    last = dict.fromkeys(await versions(cache), 0)
    async with storm(redis_server) as ended:
        while not ended.done():
            found = await versions(cache)
            assert [dgst for dgst, version in found.items() if version < last[dgst]] == []
            last = found
    await catch_up(cache)
    assert await versions(cache) == await versions(far)
    assert await versions(cache) == await versions(far)
    assert state_of(cache).changes - before >= LAYERS * 9 // 10, "each that was changed was heard of"


async def test_what_is_near_answers(cache: RedisCache, redis_server: RedisServer) -> None:
    """In a storm of other keys what is near is answered at once, without a word to the server."""
    calm = [(repo, dgst) for repo, dgsts in CALM.items() for dgst in dgsts]
    async with storm(redis_server) as ended:
        while not ended.done():
            for repo, dgst in calm:
                assert at_once(cache.contains(CTX, repo, dgst))
                assert at_once(cache.stat(CTX, repo, dgst)) == meta(0)
            await versions(cache)


async def test_nothing_grows(cache: RedisCache, redis_server: RedisServer) -> None:
    """In a storm nothing that the node holds, and nothing that the server holds for it, becomes more."""
    async with storm(redis_server) as ended:
        while not ended.done():
            await versions(cache)
            assert state_of(cache).entries <= MAX_ENTRIES
            assert count_repositories(table_of(cache)) <= REPOSITORIES + len(CALM)
            check_bounds(table_of(cache), MAX_ENTRIES)
    await catch_up(cache)
    told = redis_server.ask("INFO", "stats")
    assert isinstance(told, dict)
    assert told["tracking_total_keys"] <= LAYERS + QUIET + len(STORMED) + len(CALM) + 1
