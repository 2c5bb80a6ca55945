"""Another process changes what a node has near, ten thousand times a second: its answers stay right."""

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

CHANGING = {
    repository(first): [digest(number) for number in range(first, LAYERS, REPOSITORIES)]
    for first in range(REPOSITORIES)
}
QUIET_ONES = {"quiet": [digest(number) for number in range(LAYERS, LAYERS + QUIET)]}

Versions = dict[str, int]


@pytest.fixture
async def far(redis_server: RedisServer) -> AsyncIterator[RedisCache]:
    """A cache without near entries; the server has all layers in their first version."""
    async with RedisCache(redis_server.url) as far:
        for repo, dgsts in (CHANGING | QUIET_ONES).items():
            await asyncio.gather(*(far.put(CTX, repo, dgst, meta(0)) for dgst in dgsts))
        yield far


@pytest.fixture
async def cache(redis_server: RedisServer, far: RedisCache) -> AsyncIterator[RedisCache]:
    """A node that has all of it near."""
    async with node(redis_server.url, MAX_ENTRIES) as cache:
        for _ in range(2):
            for repo, dgsts in (CHANGING | QUIET_ONES).items():
                await cache.stat_many(CTX, repo, dgsts)
        assert state_of(cache).entries == MAX_ENTRIES
        yield cache


@contextlib.asynccontextmanager
async def burst(server: RedisServer) -> AsyncIterator["asyncio.Task[int]"]:
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
    """The version of each layer, as *cache* answers it."""
    found: Versions = {}
    await asyncio.sleep(0)  # A near answer does not suspend.
    for repo, dgsts in CHANGING.items():
        for dgst, known in zip(dgsts, await cache.stat_many(CTX, repo, dgsts), strict=True):
            assert isinstance(known, LayerMeta), f"{repo} has {dgst}"
            found[dgst] = known.length
    return found


async def test_it_is_right(cache: RedisCache, far: RedisCache, redis_server: RedisServer) -> None:
    """In a burst of changes no layer goes back to an older version, and after it each is as on the server."""
    before = state_of(cache).changes
    last = dict.fromkeys(await versions(cache), 0)
    async with burst(redis_server) as ended:
        while not ended.done():
            found = await versions(cache)
            assert [dgst for dgst, version in found.items() if version < last[dgst]] == []
            last = found
    await catch_up(cache)
    assert await versions(cache) == await versions(far)
    assert await versions(cache) == await versions(far)
    assert state_of(cache).changes - before >= LAYERS * 9 // 10, "each that was changed was pushed"


async def test_what_is_near_answers(cache: RedisCache, redis_server: RedisServer) -> None:
    """In a burst of other changes what is near is answered at once, without a command to the server."""
    quiet = [(repo, dgst) for repo, dgsts in QUIET_ONES.items() for dgst in dgsts]
    async with burst(redis_server) as ended:
        while not ended.done():
            for repo, dgst in quiet:
                assert at_once(cache.contains(CTX, repo, dgst))
                assert at_once(cache.stat(CTX, repo, dgst)) == meta(0)
            await versions(cache)


async def test_nothing_grows(cache: RedisCache, redis_server: RedisServer) -> None:
    """In a burst of changes nothing grows that the node holds, nor what the server holds for it."""
    async with burst(redis_server) as ended:
        while not ended.done():
            await versions(cache)
            assert state_of(cache).entries <= MAX_ENTRIES
            assert count_repositories(table_of(cache)) <= REPOSITORIES + len(QUIET_ONES)
            check_bounds(table_of(cache), MAX_ENTRIES)
    await catch_up(cache)
    stats = redis_server.ask("INFO", "stats")
    assert isinstance(stats, dict)
    assert stats["tracking_total_keys"] <= LAYERS + QUIET + len(CHANGING) + len(QUIET_ONES) + 1
