"""The bulk forms: cut into bursts, and in turn with everybody else."""

import asyncio

import pytest

from layercache import LayerInfoCache, LayerMeta, MemoryCache, TieredCache
from layercache.backends.redis.transport.wire import MAX_PENDING
from layercache.backends.redis.turns import BURST, ROOM, Turns
from layercache.context import background
from layercache.errors import DeadlineExceededError
from tests.redis_cache.conftest import MakeCache
from tests.redis_cache.operations import CTX, REPO
from tests.servers import RedisServer

CALLERS, READERS = 12, 20
LAYERS = [f"sha256:{number:064x}" for number in range(2 * BURST + 500)]
SET, HASH = f"repository::{REPO}::blobs", "blobs::"


@pytest.fixture(params=["far", "near and far"])
def asked(request: pytest.FixtureRequest, make_cache: MakeCache, own_server: RedisServer) -> LayerInfoCache:
    """A cache on a server that knows every second layer."""
    known = LAYERS[::2]
    own_server.ask("SADD", SET, *known)
    for dgst in known:
        own_server.ask("HSET", HASH + dgst, "path", "/" + "a" * 1_000, "length", 7)
    far = make_cache(own_server.url)
    return far if request.param == "far" else TieredCache(MemoryCache(), far)


EXPECTED = [LayerMeta("/" + "a" * 1_000, 7), None] * (len(LAYERS) // 2)


async def test_callers_take_their_turns(asked: LayerInfoCache, own_server: RedisServer) -> None:
    """However many ask in bulk, all are answered, nobody else hears of it, and no limit is passed."""
    assert CALLERS * len(LAYERS) > 2 * MAX_PENDING
    own_server.ask("CONFIG", "SET", "client-output-buffer-limit", "normal 8mb 0 0")
    bulk = [asyncio.ensure_future(asked.stat_many(CTX, REPO, LAYERS)) for _ in range(CALLERS)]
    members = [asyncio.ensure_future(asked.contains_many(CTX, REPO, LAYERS)) for _ in range(CALLERS)]

    async def read() -> None:
        while not all(task.done() for task in bulk):
            assert await asked.contains(CTX, REPO, LAYERS[0])
            await asyncio.sleep(0)  # What is near is answered without waiting.

    await asyncio.gather(*(read() for _ in range(READERS)))
    assert await asyncio.gather(*bulk) == [EXPECTED] * CALLERS
    assert await asyncio.gather(*members) == [[True, False] * (len(LAYERS) // 2)] * CALLERS


async def test_no_command_is_longer_than_a_burst(asked: LayerInfoCache, own_server: RedisServer) -> None:
    """Neither bulk form sends a command about more than a burst of layers."""
    assert await asked.contains_many(CTX, REPO, LAYERS) == [True, False] * (len(LAYERS) // 2)
    assert await asked.stat_many(CTX, REPO, LAYERS) == EXPECTED
    stats = own_server.ask("INFO", "commandstats")
    assert isinstance(stats, dict)
    assert stats["cmdstat_smismember"]["calls"] >= 3
    assert await asked.contains_many(CTX, REPO, []) == []


async def test_a_turn_ends_with_its_context() -> None:
    """Who waits for a turn waits no longer than its context, and is not counted any more."""
    turns = Turns()
    async with turns.of(CTX, BURST), turns.of(CTX, BURST):
        with background().with_timeout(0.01) as ctx, pytest.raises(DeadlineExceededError):
            async with turns.of(ctx, BURST):
                raise AssertionError
    async with turns.of(CTX, ROOM):
        pass


async def test_a_turn_that_is_cancelled_is_the_next_ones() -> None:
    """Cancelled before its turn or as it comes, a caller takes no room along."""
    turns = Turns()
    order: list[int] = []

    async def caller(number: int, size: int) -> None:
        async with turns.of(CTX, size):
            order.append(number)

    async with turns.of(CTX, ROOM):
        tasks = [
            asyncio.ensure_future(caller(number, size)) for number, size in enumerate([ROOM, ROOM, 1, ROOM])
        ]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.wait([tasks[0]])
    tasks[1].cancel()  # Its turn has come, and it has not run yet.
    await asyncio.wait(tasks)
    assert order == [2, 3]
    async with turns.of(CTX, ROOM):
        pass
