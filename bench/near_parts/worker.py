"""One contender in a process of its own, which measures a cell whenever it is told to.

    python -m bench.near_parts.worker NAME URL

A cell is a closed loop: so many tasks, each asking the next question of one
stream as soon as it was answered. Nineteen of twenty are about the layers that
are near, as popular as bench/memory_parts/traces.py has them; the twentieth
about the next of so many that none of them is still near when its turn comes
again. Before it counts, answers are checked, while many are under way. The
questions are made before, and counted before: a near hit costs little more than
to count it would.
"""

import asyncio
import gc
import itertools
import json
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence

from bench.memory_parts.layers import Layer, layers
from bench.memory_parts.traces import ALPHA
from bench.near_parts.contenders import CONTENDERS, Contender, Stat
from bench.near_parts.scene import CLIENT_CORE
from bench.processor import cpu_seconds

LAYERS = 110_000
NEAR = 10_000
OF_TWENTY = 19  # are near

Question = tuple[str, str]  # A repository and a digest.


def split() -> tuple[list[Layer], list[Layer]]:
    """What is near, the most popular first, and the rest."""
    rows = list(layers(LAYERS))
    random.Random(7).shuffle(rows)
    return rows[:NEAR], rows[NEAR:]


def questions(near: Sequence[Layer], rest: Sequence[Layer]) -> list[Question]:
    """One question about each of *rest*, each behind nineteen about *near*."""
    weights = list(itertools.accumulate((rank + 1) ** -ALPHA for rank in range(len(near))))
    few = [(layer.repo, layer.dgst) for layer in near]
    asked = iter(random.Random(8).choices(few, cum_weights=weights, k=OF_TWENTY * len(rest)))
    return [
        question
        for layer in rest
        for question in (*itertools.islice(asked, OF_TWENTY), (layer.repo, layer.dgst))
    ]


async def ask(stat: Stat, some: Iterator[Question]) -> None:
    """Ask the next question until there are no more."""
    for repo, dgst in some:
        await stat(repo, dgst)


async def measure(stat: Stat, stream: Iterator[Question], tasks: int, count: int) -> dict[str, float]:
    """Have *count* questions answered, and return the rate and the CPU per answer."""
    some = itertools.islice(stream, count)
    begin, cpu = time.perf_counter(), cpu_seconds()
    await asyncio.gather(*(ask(stat, some) for _ in range(tasks)))
    seconds, cpu = time.perf_counter() - begin, cpu_seconds() - cpu
    return {"rate": count / seconds, "cpu": cpu / count * 1e6}


async def check(contender: Contender, some: Sequence[Layer]) -> None:
    """Hold the answers against the layers, all asked at once."""
    found = await asyncio.gather(*(contender.stat(layer.repo, layer.dgst) for layer in some))
    assert [tuple(one[:2]) for one in found] == [(layer.path, layer.length) for layer in some]


async def serve(name: str, url: str) -> None:
    """Answer each line on standard input, `tasks count`, with a line of JSON."""
    os.sched_setaffinity(0, {CLIENT_CORE})
    contender, (near, rest) = CONTENDERS[name](), split()
    await contender.open(url, near, rest)
    await check(contender, [*near[:100], *rest[:100]])
    stream = itertools.cycle(questions(near, rest[100:]))
    gc.collect()
    gc.freeze()
    read = asyncio.get_running_loop().run_in_executor
    print("ready", flush=True)
    while line := await read(None, sys.stdin.readline):
        tasks, count = map(int, line.split())
        print(json.dumps(await measure(contender.stat, stream, tasks, count)), flush=True)
    await contender.close()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
