"""How many pulls find their layer, by policy, trace and size; and what a hit costs each policy.

A cell is the hit ratio in per cent, the median of some seeds, and in brackets by
how many points it is above that of ARC, least to most. Every run gives the same
but for some hundredths of MemoryCache, which finds ghosts by hashes of strings;
with PYTHONHASHSEED=0 these stay, too.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Callable

from bench.memory_parts.policies import Arc, Lru, Policy, S3Fifo, Sieve
from bench.memory_parts.traces import CATALOGUE, TRACES, Trace
from layercache import Digest, LayerMeta, MemoryCache, Repository, background
from layercache.memory.eviction import MOST_HITS, Eviction
from layercache.meta import blob_path

SEEDS = (1, 2, 3)
SHARES = {"1 %": CATALOGUE // 100, "5 %": CATALOGUE // 20, "20 %": CATALOGUE // 5}
SIMULATED: dict[str, Callable[[int], Policy]] = {"LRU": Lru, "ARC": Arc, "SIEVE": Sieve, "S3-FIFO": S3Fifo}
SHIPPED = "MemoryCache"
REPO = Repository("library/app")

Ratios = dict[tuple[str, str, str], list[float]]  # By policy, trace and share, one for each seed.


class Shipped:
    """What MemoryCache does at a hit, alone, to be timed beside the others."""

    def __init__(self, size: int) -> None:
        self._entries: dict[int, int] = {}
        self._eviction = Eviction(size)

    def hit(self, key: int) -> bool:
        """Whether *key* is kept; the hit is counted."""
        entry = self._entries.get(key)
        if entry is None:
            return False
        if self._eviction.hits[entry] < MOST_HITS:
            self._eviction.hits[entry] += 1
        return True

    def enter(self, key: int) -> None:
        """Keep *key*; there is room."""
        self._entries[key] = self._eviction.enter(str(key))


def simulated(policy: Policy, trace: Trace) -> float:
    """The hit ratio of *policy*, in per cent."""
    hits = 0
    for key in trace:
        if policy.hit(key):
            hits += 1
        else:
            policy.enter(key)
    return 100 * hits / len(trace)


async def shipped(cache: MemoryCache, trace: Trace) -> float:
    """The hit ratio of the cache that is shipped, asked as a registry asks it."""
    ctx = background()
    layers = {key: digest(key) for key in set(trace)}
    hits = 0
    for key in trace:
        dgst = layers[key]
        if await cache.contains(ctx, REPO, dgst):
            hits += 1
        else:
            await cache.put(ctx, REPO, dgst, LayerMeta(blob_path(dgst), key))
    return 100 * hits / len(trace)


def digest(key: int) -> Digest:
    """The digest that stands for *key*."""
    return Digest(f"sha256:{key:064x}")


def measure() -> Ratios:
    """Every cell, for every seed."""
    found: Ratios = {}
    for trace_name, make in TRACES.items():
        for seed in SEEDS:
            trace = make(seed)
            for share, size in SHARES.items():
                for policy, make_policy in SIMULATED.items():
                    ratio = simulated(make_policy(size), trace)
                    found.setdefault((policy, trace_name, share), []).append(ratio)
                ratio = asyncio.run(shipped(MemoryCache(size), trace))
                found.setdefault((SHIPPED, trace_name, share), []).append(ratio)
    return found


def report() -> None:
    """Measure, and print the tables."""
    found = measure()
    cells = [(trace, share) for trace in TRACES for share in SHARES]
    for trace in TRACES:
        print(f"\nhit ratio, {trace:<24}" + "".join(f"{share:>26}" for share in SHARES))
        for policy in (*SIMULATED, SHIPPED):
            shown = (cell(found, policy, trace, share) for share in SHARES)
            print(f"{policy:<35}" + "".join(f"{text:>26}" for text in shown))
    behind = [(trace, share) for trace, share in cells if min(above_arc(found, SHIPPED, trace, share)) < 0]
    print(f"\ncells in which {SHIPPED} is behind ARC for any seed: {behind or 'none'}")
    print("ns of a hit: " + ", ".join(f"{policy} {ns:.0f}" for policy, ns in costs().items()))


def cell(found: Ratios, policy: str, trace: str, share: str) -> str:
    """What a table says of one policy."""
    above = above_arc(found, policy, trace, share)
    return f"{statistics.median(found[policy, trace, share]):.2f} ({min(above):+.2f} to {max(above):+.2f})"


def above_arc(found: Ratios, policy: str, trace: str, share: str) -> list[float]:
    """By how many points *policy* is above ARC, for each seed."""
    pairs = zip(found[policy, trace, share], found["ARC", trace, share], strict=True)
    return [ratio - arc for ratio, arc in pairs]


def costs() -> dict[str, float]:
    """Nanoseconds of a hit, by policy: the median of rounds taken in turns."""
    keys = list(range(1000))
    random.Random(7).shuffle(keys)
    policies = {name: make(2 * len(keys)) for name, make in {**SIMULATED, SHIPPED: Shipped}.items()}
    for policy in policies.values():
        for key in keys:
            policy.enter(key)
    found: dict[str, list[float]] = {name: [] for name in policies}
    for _ in range(51):
        for name, policy in policies.items():
            start = time.thread_time_ns()
            for key in keys:
                policy.hit(key)
            found[name].append((time.thread_time_ns() - start) / len(keys))
    return {name: statistics.median(times) for name, times in found.items()}
