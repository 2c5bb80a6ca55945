"""Nanoseconds per answer about a known layer, beside a bare dictionary and other caches.

Every contender is asked about the layers that it holds, in the same shuffled
order, with what a handler has after parsing: a `Digest` and a `Repository`.
All run in one process and take turns. What counts is the time of the thread,
and each ratio is taken within a turn, so that neighbours on the machine change
little. The floor is what nobody can do without: an `async def` that looks into
a dictionary and then at the clock.
"""

import asyncio
import gc
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

import cachebox
import cachetools
from aiocache import SimpleMemoryCache
from cashews.wrapper import Cache as Cashews

from bench.memory_parts.layers import layers
from layercache import Context, Digest, LayerMeta, MemoryCache, Repository, background

FEW, MANY = 10_000, 40_000  # The many are more than MemoryCache keeps built.
ROUNDS = 21
LONG = 1e6  # seconds

Entry = tuple[str, int, float]
Turn = Callable[[], Awaitable[None]]  # One question about each layer.
FLOOR, OURS = "floor: async def, dict, clock", "MemoryCache.stat, deadline"
REPO = Repository("library/app")


class Bare:
    """The floor."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = dict(entries)

    async def get(self, dgst: str, monotonic: Callable[[], float] = time.monotonic) -> Entry | None:
        """What is known of *dgst*, if it is not too old."""
        entry = self._entries.get(dgst)
        if entry is None or entry[2] < monotonic():
            return None
        return entry


# ---- a turn; each kind of call has its own loop, so that nothing stands between


async def call(get: Callable[[str], object], dgsts: Sequence[str]) -> None:
    """Ask a cache that is not asynchronous."""
    for dgst in dgsts:
        get(dgst)


async def wait(get: Callable[[str], Awaitable[object]], dgsts: Sequence[str]) -> None:
    """Ask a cache that knows only keys."""
    for dgst in dgsts:
        await get(dgst)


async def ask(
    get: Callable[[Context, str, str], Awaitable[object]], ctx: Context, dgsts: Sequence[str]
) -> None:
    """Ask a cache of ours."""
    for dgst in dgsts:
        await get(ctx, REPO, dgst)


async def nothing(dgsts: Sequence[str]) -> None:
    """What a loop costs by itself."""
    for _ in dgsts:
        pass


# ---- who takes part


async def ours(ctx: Context, few: list[Digest], many: list[Digest]) -> dict[str, tuple[Turn, int]]:
    """MemoryCache in its forms; *ctx* has a deadline, which all calls share."""
    plain, aging, large = MemoryCache(), MemoryCache(ttl=LONG), MemoryCache()
    for cache, count in ((plain, FEW), (aging, FEW), (large, MANY)):
        for layer in layers(count):
            await cache.put(background(), REPO, layer.dgst, LayerMeta(layer.path, layer.length))
    free = background()
    return {
        "MemoryCache.contains": (partial(ask, plain.contains, free, few), FEW),
        "MemoryCache.contains, deadline": (partial(ask, plain.contains, ctx, few), FEW),
        "MemoryCache.stat": (partial(ask, plain.stat, free, few), FEW),
        OURS: (partial(ask, plain.stat, ctx, few), FEW),
        "... with ttl": (partial(ask, aging.stat, ctx, few), FEW),
        "... of 40,000: each is built": (partial(ask, large.stat, ctx, many), MANY),
    }


async def peers(few: list[Digest]) -> dict[str, tuple[Turn, int]]:
    """The floor and other caches."""
    ends = time.monotonic() + LONG
    entries = {layer.dgst: (layer.path, layer.length, ends) for layer in layers(FEW)}
    lru = cachetools.LRUCache[str, Entry](2 * FEW)
    ttl = cachetools.TTLCache[str, Entry](2 * FEW, LONG)
    box = cachebox.TTLCache[str, Entry](2 * FEW, LONG)
    cashews, aiocache = Cashews(), SimpleMemoryCache()
    cashews.setup("mem://", size=2 * FEW)
    for dgst, entry in entries.items():
        lru[dgst] = ttl[dgst] = box[dgst] = entry
        await cashews.set(dgst, entry)
        await aiocache.set(dgst, entry)
    bare = Bare(entries)
    return {
        FLOOR: (partial(wait, bare.get, few), FEW),
        "floor, asked with plain str": (partial(wait, bare.get, [str(dgst) for dgst in few]), FEW),
        "cachetools.LRUCache (sync)": (partial(call, lru.get, few), FEW),
        "cachetools.TTLCache (sync)": (partial(call, ttl.get, few), FEW),
        "cachebox.TTLCache (sync)": (partial(call, box.get, few), FEW),
        "cashews mem://": (partial(wait, cashews.get, few), FEW),
        "aiocache SimpleMemoryCache": (partial(wait, aiocache.get, few), FEW),
    }


# ---- measuring


async def timed(turn: Turn) -> int:
    """The nanoseconds of one turn."""
    start = time.thread_time_ns()
    await turn()
    return time.thread_time_ns() - start


async def measure() -> dict[str, list[float]]:
    """Nanoseconds per answer, by contender and round."""
    few, many = ([Digest(layer.dgst) for layer in layers(count)] for count in (FEW, MANY))
    for dgsts in (few, many):
        random.Random(7).shuffle(dgsts)
    with background().with_timeout(LONG) as ctx:
        turns = {**await peers(few), **await ours(ctx, few, many)}
        found: dict[str, list[float]] = {name: [] for name in turns}
        gc.collect()
        for _ in range(ROUNDS):
            idle = await timed(partial(nothing, few)) / FEW
            for name, (turn, count) in turns.items():
                found[name].append(await timed(turn) / count - idle)
    return found


def report() -> None:
    """Measure, and print the table."""
    found = asyncio.run(measure())
    print(f"{'ns per answer, ' + format(FEW, ',') + ' layers':<34}{'median':>8}{'min':>8}{'max':>8}", end="")
    print(f"{'x floor':>9}{'x stat':>9}")
    for name, times in found.items():
        to_floor, to_ours = ratio(times, found[FLOOR]), ratio(times, found[OURS])
        print(
            f"{name:<34}{statistics.median(times):>8.0f}{min(times):>8.0f}{max(times):>8.0f}"
            f"{to_floor:>9.2f}{to_ours:>9.2f}"
        )


def ratio(times: list[float], others: list[float]) -> float:
    """The median of the ratios within each round."""
    return statistics.median(time / other for time, other in zip(times, others, strict=True))
