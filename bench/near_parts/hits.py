"""Nanoseconds per answer that is near, beside MemoryCache alone and a round trip of redis-py.

All run in one process and take turns. For what is in memory the time of the
thread counts, for a round trip that of the clock, and each ratio is taken within
a turn. What MemoryCache answers was built in the order in which that of the near
memory was, and not in that of the questions, which would be kind to the
processor's cache.
"""

import asyncio
import gc
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import redis.asyncio

from bench.memory_parts.layers import layers
from bench.near_parts.scene import draw_near, parsed, populate, server
from layercache import (
    Context,
    Digest,
    LayerMeta,
    MemoryCache,
    RedisCache,
    Repository,
    background,
)

ROUNDS = 3  # in each repeat
TRIPS = 200
FEW, MANY = 1_000, 10_000
LONG = 1e6  # seconds
TRIP, TRIP_CPU = "redis-py, a round trip", "redis-py, its CPU alone"

Asked = Sequence[tuple[Repository, Digest]]
Turn = Callable[[], Awaitable[None]]


async def ask(get: Callable[[Context, str, str], Awaitable[object]], ctx: Context, asked: Asked) -> None:
    """Ask a cache of ours about each."""
    for repo, dgst in asked:
        await get(ctx, repo, dgst)


async def trip(client: redis.asyncio.Redis, asked: Asked) -> None:
    """Ask redis-py whether each is a member."""
    for repo, dgst in asked[:TRIPS]:
        await client.sismember(f"repository::{repo}::blobs", dgst)


async def measure(url: str, count: int, times: int) -> dict[str, list[float]]:
    """Nanoseconds per answer, by who was asked, and round."""
    rows = list(layers(count))
    await populate(url, rows)
    alone, aging = MemoryCache(), MemoryCache(ttl=LONG)
    client = redis.asyncio.Redis.from_url(url)
    async with RedisCache(url, near=100_000, max_staleness=LONG) as near:
        await draw_near(near, rows)
        for layer in rows:
            for cache in (alone, aging):
                await cache.put(background(), layer.repo, layer.dgst, LayerMeta(layer.path, layer.length))
                await cache.stat(background(), layer.repo, layer.dgst)
        asked = parsed(rows)
        random.Random(7).shuffle(asked)
        with background().with_timeout(LONG) as bound:
            turns: dict[str, Turn] = {name: partial(trip, client, asked) for name in (TRIP, TRIP_CPU)}
            for word, ctx in (("", background()), (", deadline", bound)):
                turns[f"RedisCache.contains, near{word}"] = partial(ask, near.contains, ctx, asked)
                turns[f"MemoryCache.contains{word}"] = partial(ask, alone.contains, ctx, asked)
                turns[f"RedisCache.stat, near{word}"] = partial(ask, near.stat, ctx, asked)
                turns[f"MemoryCache.stat{word}"] = partial(ask, alone.stat, ctx, asked)
            turns["MemoryCache.contains, ttl"] = partial(ask, aging.contains, background(), asked)
            turns["MemoryCache.stat, ttl"] = partial(ask, aging.stat, background(), asked)
            found = await rounds(turns, count, times)
        await client.aclose()
    return found


async def rounds(turns: dict[str, Turn], count: int, times: int) -> dict[str, list[float]]:
    """Let all take their turns."""
    found: dict[str, list[float]] = {name: [] for name in turns}
    gc.collect()
    for _ in range(times):
        for name, turn in turns.items():
            clock = time.perf_counter_ns if name == TRIP else time.thread_time_ns
            await turn()  # So that nobody pays for what the one before has left in the processor's cache.
            start = clock()
            await turn()
            answers = TRIPS if name in (TRIP, TRIP_CPU) else count
            found[name].append((clock() - start) / answers)
    return found


def report(repeats: int) -> None:
    """Measure, and print a table for a few layers and one for many."""
    for count in (FEW, MANY):
        with server() as started:
            found = asyncio.run(measure(started.url, count, ROUNDS * repeats))
        print(f"{f'ns per answer, {count:,} layers':<34}{'median':>9}{'min':>9}{'max':>11}", end="")
        print(f"{'x MemoryCache':>15}{'x redis-py':>12}")
        trips = found[TRIP]
        for name, times in found.items():
            print(
                f"{name:<34}{statistics.median(times):>9,.0f}{min(times):>9,.0f}{max(times):>11,.0f}", end=""
            )
            alone = found.get(name.replace("RedisCache", "MemoryCache").replace(", near", ""), times)
            print(f"{ratio(times, alone):>15.2f}{ratio(trips, times):>12,.0f}")
        print(flush=True)


def ratio(times: list[float], others: list[float]) -> float:
    """The median of the ratios within each round."""
    return statistics.median(time / other for time, other in zip(times, others, strict=True))
