"""Fifty nodes on one server, and one writer: each node answers the truth, and a write costs what it must."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from typing import cast

import pytest
import redis

from layercache import NotFoundError, RedisCache
from layercache.testing import new_digest, new_repository
from tests.near.nodes import at_once, meta, node
from tests.near.parts import count_repositories, table_of
from tests.near.real_server import CTX, catch_up, state_of
from tests.servers import RedisServer

NODES, ROUNDS = 50, 20
REPO, DGST = new_repository(), new_digest()
OTHER, FAR_OFF = new_repository(), new_digest()
SET, HASH = f"repository::{REPO}::blobs", f"blobs::{DGST}"


@pytest.fixture
async def nodes(redis_server: RedisServer) -> AsyncIterator[list[RedisCache]]:
    """The nodes, connected; what `catch_up` asks for is tracked already."""
    nodes = [node(redis_server.url, 100) for _ in range(NODES)]
    await all_catch_up(nodes)
    yield nodes
    await asyncio.gather(*(node.aclose() for node in nodes))


@pytest.fixture
async def writer(redis_server: RedisServer) -> AsyncIterator[RedisCache]:
    """The writer."""
    async with RedisCache(redis_server.url) as cache:
        yield cache


async def all_catch_up(nodes: list[RedisCache]) -> None:
    """Return when every node has read the pushes of all that was written before."""
    await asyncio.gather(*map(catch_up, nodes))


async def expect_everywhere(nodes: list[RedisCache], version: int) -> None:
    """Expect the answer of *version* from every node, and then once more from what is near."""
    expected = [meta(version)] * NODES
    for _ in range(2):
        assert await asyncio.gather(*(node.stat(CTX, REPO, DGST) for node in nodes)) == expected
    assert [at_once(node.stat(CTX, REPO, DGST)) for node in nodes] == expected


def counted(server: RedisServer, section: str, name: str) -> int:
    """What the server counts."""
    with redis.Redis.from_url(server.url) as client:
        return cast("dict[str, int]", client.info(section))[name]


async def test_every_node_reads_the_truth(nodes: list[RedisCache], writer: RedisCache) -> None:
    """Once a push has come, every node answers what was written, and until the next one from near."""
    for version in range(ROUNDS):
        await writer.put(CTX, REPO, DGST, meta(version))
        await all_catch_up(nodes)
        await expect_everywhere(nodes, version)


async def test_every_node_notices_a_removal(nodes: list[RedisCache], writer: RedisCache) -> None:
    """When a removal was acknowledged and its push has come, no node answers yes."""
    await writer.put(CTX, REPO, DGST, meta(1))
    await expect_everywhere(nodes, 1)
    async with writer.removing(CTX, REPO, DGST):
        pass
    await all_catch_up(nodes)
    for one in nodes:
        with pytest.raises(NotFoundError):
            await one.stat(CTX, REPO, DGST)


async def test_a_write_costs_a_push_for_each_key_and_node(
    nodes: list[RedisCache], writer: RedisCache
) -> None:
    """A node gets one push for each key that it has read, however often it changes until it is read again."""
    await writer.put(CTX, REPO, DGST, meta(0))
    for version in range(1, 4):
        await asyncio.gather(*(node.stat(CTX, REPO, DGST) for node in nodes))
        before = [state_of(node).changes for node in nodes]
        for again in range(3):
            await writer.put(CTX, REPO, new_digest(), meta(again))
            await writer.set_meta(CTX, DGST, meta(version))
        await all_catch_up(nodes)
        assert [state_of(node).changes for node in nodes] == [changes + 2 for changes in before]


async def test_a_write_costs_nothing_where_nobody_read(nodes: list[RedisCache], writer: RedisCache) -> None:
    """For what it has not read a node gets no push, and what it has near stays near."""
    await writer.put(CTX, REPO, DGST, meta(1))
    await expect_everywhere(nodes, 1)
    before = [state_of(node) for node in nodes]
    for version in range(ROUNDS):
        await writer.put(CTX, OTHER, FAR_OFF, meta(version))
    assert [at_once(node.stat(CTX, REPO, DGST)) for node in nodes] == [meta(1)] * NODES
    await all_catch_up(nodes)
    assert [state_of(node).changes for node in nodes] == [state.changes for state in before]


async def test_the_server_tracks_each_key_for_each_node(
    nodes: list[RedisCache], writer: RedisCache, redis_server: RedisServer
) -> None:
    """The server tracks each key that was read and not changed since, once for each node that read it."""
    assert counted(redis_server, "clients", "tracking_clients") == NODES
    keys, items = (counted(redis_server, "stats", f"tracking_total_{what}") for what in ("keys", "items"))
    await writer.put(CTX, REPO, DGST, meta(1))
    await expect_everywhere(nodes, 1)
    assert counted(redis_server, "stats", "tracking_total_keys") == keys + 2
    assert counted(redis_server, "stats", "tracking_total_items") == items + 2 * NODES
    await writer.add(CTX, REPO, new_digest())
    await writer.set_meta(CTX, DGST, meta(2))
    assert counted(redis_server, "stats", "tracking_total_items") == items
    assert counted(redis_server, "stats", "tracking_total_keys") == keys


async def test_nothing_is_left(redis_server: RedisServer, writer: RedisCache) -> None:
    """However often a layer changed, it takes one entry in a node, and of a closed node nothing is left."""
    await writer.put(CTX, REPO, DGST, meta(0))
    tasks = asyncio.all_tasks()
    nodes = [node(redis_server.url, 100) for _ in range(NODES)]
    for version in range(ROUNDS):
        await writer.put(CTX, REPO, DGST, meta(version))
        await all_catch_up(nodes)
        await expect_everywhere(nodes, version)
    for one in nodes:
        assert state_of(one).entries == 1
        assert count_repositories(table_of(one)) == 1 + 1  # and the unknown one
    await asyncio.gather(*(node.aclose() for node in nodes))
    assert asyncio.all_tasks() - tasks == set()
    left = [weakref.ref(one) for one in nodes]
    del nodes, one
    gc.collect()
    assert [ref() for ref in left if ref() is not None] == []
