"""One contender in a process of its own, which measures a cell whenever it is told to.

    python -m bench.redis_parts.worker NAME URL

A cell is a closed loop: so many tasks, each asking for the next layer as soon as
it was answered. Before it counts, answers are checked, some of them while many
are under way: a client that gives replies to the wrong callers must not score.
"""

import asyncio
import gc
import itertools
import json
import math
import os
import sys
import time
from collections.abc import Sequence

from bench.processor import cpu_seconds
from bench.redis_parts.contenders import CONTENDERS, Operation, operation, rows
from bench.redis_parts.layers import Layer, layers

CORE = 0
SAMPLED = 8  # every so many answers one is timed
WARM_SECONDS = 0.3


async def check(ask: Operation, some: Sequence[Layer]) -> None:
    """Hold the answers against the layers, all asked at once."""
    for layer, found in zip(some, await asyncio.gather(*map(ask, some)), strict=True):
        assert found == (layer.path, layer.length), f"{layer}: {found}"


class Cell:
    """One measurement: *tasks* tasks for *seconds*."""

    def __init__(self, ask: Operation, rows: Sequence[Layer], tasks: int) -> None:
        self.ask, self.rows, self.tasks = ask, rows, tasks
        self.answers = 0
        self.latencies: list[float] = []
        self.is_over = False

    async def run(self, seconds: float) -> dict[str, float]:
        """Warm up, measure, and return the rate, the latencies and the CPU per operation."""
        running = [asyncio.create_task(self._loop(number)) for number in range(self.tasks)]
        await asyncio.sleep(WARM_SECONDS)
        self.latencies.clear()
        answers, begin, cpu = self.answers, time.perf_counter(), cpu_seconds()
        await asyncio.sleep(seconds)
        answers, begin, cpu = self.answers - answers, time.perf_counter() - begin, cpu_seconds() - cpu
        self.is_over = True
        await asyncio.gather(*running)
        ordered = sorted(self.latencies) or [math.nan]  # On a machine that is very busy none may be timed.
        return {
            "rate": answers / begin,
            "cpu": cpu / max(answers, 1) * 1e6,
            "p50": ordered[len(ordered) // 2] / 1e3,
            "p99": ordered[len(ordered) * 99 // 100] / 1e3,
        }

    async def _loop(self, number: int) -> None:
        ask, clock = self.ask, time.perf_counter_ns
        start = number * 9973 % len(self.rows)
        for layer in itertools.islice(itertools.cycle(self.rows), start, None):
            if self.answers % SAMPLED:
                await ask(layer)
            else:
                begin = clock()
                await ask(layer)
                self.latencies.append(clock() - begin)
            self.answers += 1
            if self.is_over:
                return


async def serve(name: str, url: str) -> None:
    """Answer each line on standard input, `operation tasks seconds`, with a line of JSON."""
    contender = CONTENDERS[name]()
    if contender.is_pinned:
        os.sched_setaffinity(0, {CORE})
    everything = layers()
    await contender.open(url, everything)
    asked = rows(contender, everything)
    read = asyncio.get_running_loop().run_in_executor
    while line := await read(None, sys.stdin.readline):
        wanted, tasks, seconds = line.split()
        ask = operation(contender, wanted)
        if ask is None:
            print("null", flush=True)
            continue
        await check(ask, asked[: min(256, int(tasks))])
        gc.collect()
        print(json.dumps(await Cell(ask, asked, int(tasks)).run(float(seconds))), flush=True)
    await contender.close()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
