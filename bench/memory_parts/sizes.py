"""Bytes per layer: how much a process grows by, when it remembers a million.

Each layout is built in a process of its own. Beside it stands how long Python's
collector then takes to look through everything, while the event loop waits.

A million layers, a hundred to each of 10,000 repositories; twenty of them are
base layers, which every tenth repository has as well (2 % more memberships).
"""

import asyncio
import dataclasses
import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import cachetools
import psutil

from bench.memory_parts.layers import Layer, layers, shared
from layercache import LayerMeta, MemoryCache, background

Build = Callable[[int], object]


@dataclasses.dataclass(slots=True)
class Meta:
    """What the obvious cache holds for a layer."""

    path: str
    length: int
    media_type: str


def dictionaries(count: int) -> object:
    """A dictionary of dataclasses, and a set of digests for each repository."""
    metas: dict[str, Meta] = {}
    repositories: dict[str, set[str]] = {}
    digests: dict[str, str] = {}  # So that both hold the same string, which flatters this layout.
    for repo, dgst, path, length in every(count):
        known = digests.setdefault(dgst, dgst)
        metas.setdefault(known, Meta(path, length, "application/octet-stream"))
        repositories.setdefault(repo, set()).add(known)
    return metas, repositories


def lru(count: int) -> object:
    """One cachetools.LRUCache of metas and memberships."""
    cache: cachetools.LRUCache[object, object] = cachetools.LRUCache(3 * count)
    for repo, dgst, path, length in every(count):
        cache[repo, dgst] = True
        cache[dgst] = Meta(path, length, "application/octet-stream")
    return cache


def memory(count: int) -> object:
    """MemoryCache."""
    return filled(MemoryCache(2 * count), every(count))


def memory_with_ttl(count: int) -> object:
    """MemoryCache, with a time to live."""
    return filled(MemoryCache(2 * count, ttl=3600), every(count))


def memory_after_churn(count: int) -> object:
    """MemoryCache that is full, and has seen half as many layers go."""
    return filled(MemoryCache(count), layers(count + count // 2))


LAYOUTS: dict[str, Build] = {
    "dict of dataclasses": dictionaries,
    "cachetools.LRUCache": lru,
    "MemoryCache": memory,
    "MemoryCache, ttl": memory_with_ttl,
    "MemoryCache, churned": memory_after_churn,
}


def every(count: int) -> Iterator[Layer]:
    """Each layer, and then what is shared."""
    yield from layers(count)
    yield from shared(count)


def filled(cache: MemoryCache, given: Iterator[Layer]) -> MemoryCache:
    """Put what is *given* into *cache*."""

    async def fill() -> None:
        ctx = background()
        for repo, dgst, path, length in given:
            await cache.put(ctx, repo, dgst, LayerMeta(path, length))

    asyncio.run(fill())
    return cache


def weigh(name: str, count: int) -> None:
    """Build one layout in this process; print bytes per layer and the milliseconds of a collection."""
    build = LAYOUTS[name]
    build(100)  # So that imports and first uses do not count.
    gc.collect()
    process = psutil.Process()
    before = process.memory_info().rss
    kept = build(count)
    gc.collect()
    grown = process.memory_info().rss - before
    pauses = []
    for _ in range(5):
        start = time.thread_time()
        gc.collect()
        pauses.append(time.thread_time() - start)
    del kept
    print(json.dumps([grown / count, 1000 * statistics.median(pauses)]))


def report(count: int, repeats: int) -> None:
    """Weigh every layout, each *repeats* times in a process of its own; print the table."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in LAYOUTS}
    for _ in range(repeats):
        for name, results in found.items():
            results.append(measured(name, count))
    floor = statistics.median(size for size, _ in found["dict of dataclasses"])
    print(f"{count:,} layers      bytes/layer   min    max   ratio   full collection")
    for name, results in found.items():
        sizes, pauses = zip(*results, strict=True)
        size = statistics.median(sizes)
        print(
            f"{name:<22}{size:>8.0f}{min(sizes):>7.0f}{max(sizes):>7.0f}{size / floor:>8.2f}"
            f"{statistics.median(pauses):>12.0f} ms"
        )


def measured(name: str, count: int) -> tuple[float, float]:
    """What a new process weighs."""
    command = [sys.executable, "-m", "bench.memory", "--weigh", name, "--layers", str(count)]
    size, pause = json.loads(subprocess.check_output(command))
    return size, pause
