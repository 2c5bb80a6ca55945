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
from functools import partial

from bench.memory_parts.policies import Arc, Lru, Policy, S3Fifo, Sieve
from bench.memory_parts.traces import CATALOGUE, TRACES, Trace
from layercache import Digest, LayerMeta, MemoryCache, Repository, background
from layercache.backends.memory import eviction
from layercache.meta import blob_path

SEEDS = (1, 2, 3)
SHARES = {"1 %": CATALOGUE // 100, "5 %": CATALOGUE // 20, "20 %": CATALOGUE // 5}
SIMULATED: dict[str, Callable[[int], Policy]] = {"LRU": Lru, "ARC": Arc, "SIEVE": Sieve, "S3-FIFO": S3Fifo}
SHIPPED = "MemoryCache"
REPO = Repository("library/app")

Ratios = dict[tuple[str, str, str], list[float]]  # By policy, trace and share, one for each seed.


class Shipped:
    """The queues of MemoryCache alone, to be timed and varied beside the others."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: dict[int, int] = {}
        self._eviction = eviction.Eviction(size)

    def hit(self, key: int) -> bool:
        """Whether *key* is kept; the hit is counted."""
        entry = self._entries.get(key)
        if entry is None:
            return False
        if self._eviction.hits[entry] < eviction.MOST_HITS:
            self._eviction.hits[entry] += 1
        return True

    def enter(self, key: int) -> None:
        """Keep *key*, and let another go if there is no room."""
        while len(self._entries) >= self._size:
            subject = self._eviction.choose()
            assert isinstance(subject, str), "a layer, and not a layer in a repository"
            self._eviction.leave(self._entries.pop(int(subject)))
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


# ---- how the shares were found


def exact(
    *, small: float = 0.1, ghosts: float = 0.9, most_hits: int = 3, worth_main: int = 2
) -> Callable[[int], Policy]:
    """S3-FIFO with a queue of ghosts, and other shares than the paper's."""
    return partial(S3Fifo, small=small, ghosts=ghosts, most_hits=most_hits, worth_main=worth_main)


def changed(**constants: int) -> Callable[[int], Policy]:
    """The queues of MemoryCache with other *constants*."""

    def make(size: int) -> Policy:
        for name, value in {**AS_SHIPPED, **constants}.items():
            setattr(eviction, name, value)
        return Shipped(size)

    return make


AS_SHIPPED = {name: getattr(eviction, name) for name in ("SMALL_SHARE", "MOST_HITS", "MOST_STEPS")}
VARIANTS: dict[str, Callable[[int], Policy]] = {
    "the paper's": exact(),
    "one hit leads to main": exact(worth_main=1),
    "... small 15 %": exact(worth_main=1, small=0.15),
    "... small 5 %": exact(worth_main=1, small=0.05),
    "... ... ghosts 30 %": exact(worth_main=1, small=0.05, ghosts=0.3),
    "... ... ghosts 100 %": exact(worth_main=1, small=0.05, ghosts=1.0),
    "... ... ... 7 hits": exact(worth_main=1, small=0.05, ghosts=1.0, most_hits=7),
    "shipped: a table of ghosts, 128 steps": changed(),
    "... 3 hits": changed(MOST_HITS=3),
    "... 16 steps": changed(MOST_STEPS=16),
    "... 8 steps": changed(MOST_STEPS=8),
    "... 1,000,000 steps": changed(MOST_STEPS=1_000_000),
    "... small 10 %": changed(SMALL_SHARE=10),
}


def report_variants() -> None:
    """Print by how many points each variant is above ARC, over all cells and seeds."""
    traces = [make(seed) for make in TRACES.values() for seed in SEEDS]
    runs = [(size, trace) for trace in traces for size in SHARES.values()]
    arc = [simulated(Arc(size), trace) for size, trace in runs]
    print(f"{'points above ARC':<40}{'worst':>7}{'mean':>7}")
    for name, make in VARIANTS.items():
        above = [simulated(make(size), trace) - least for (size, trace), least in zip(runs, arc, strict=True)]
        print(f"{name:<40}{min(above):>+7.2f}{statistics.mean(above):>+7.2f}")
