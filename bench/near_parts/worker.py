"""One contender in a process of its own, which measures a cell whenever it is told to.

    python -m bench.near_parts.worker NAME URL

A cell is a closed loop: so many tasks, each asking the next question of one
stream as soon as it was answered. Nineteen of twenty are about the few layers
that are near, the twentieth about the next of so many that none of them is still
near when its turn comes again. Before it counts, answers are checked, while many
are under way.
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
from bench.near_parts.contenders import CONTENDERS, Contender
from bench.near_parts.scene import CLIENT_CORE
from bench.processor import cpu_seconds

LAYERS = 110_000
NEAR = 10_000
OF_TWENTY = 19  # are near
WARM_SECONDS = 0.5


def split() -> tuple[list[Layer], list[Layer]]:
    """What is near, and the rest."""
    rows = list(layers(LAYERS))
    random.Random(7).shuffle(rows)
    return rows[:NEAR], rows[NEAR:]


def questions(near: Sequence[Layer], rest: Sequence[Layer]) -> Iterator[Layer]:
    """The stream."""
    few, many = itertools.cycle(near), itertools.cycle(rest)
    while True:
        yield from itertools.islice(few, OF_TWENTY)
        yield next(many)


class Cell:
    """One measurement."""

    def __init__(self, contender: Contender, stream: Iterator[Layer]) -> None:
        self.contender, self.stream = contender, stream
        self.answers = 0
        self.is_over = False

    async def run(self, tasks: int, seconds: float) -> dict[str, float]:
        """Warm up, measure, and return the rate, the CPU per answer, and all that was answered."""
        running = [asyncio.create_task(self._loop()) for _ in range(tasks)]
        await asyncio.sleep(WARM_SECONDS)
        answers, begin, cpu = self.answers, time.perf_counter(), cpu_seconds()
        await asyncio.sleep(seconds)
        answers, begin, cpu = self.answers - answers, time.perf_counter() - begin, cpu_seconds() - cpu
        self.is_over = True
        await asyncio.gather(*running)
        return {"rate": answers / begin, "cpu": cpu / answers * 1e6, "all": self.answers}

    async def _loop(self) -> None:
        stat = self.contender.stat
        for layer in self.stream:
            await stat(layer.repo, layer.dgst)
            self.answers += 1
            if self.is_over:
                return


async def check(contender: Contender, some: Sequence[Layer]) -> None:
    """Hold the answers against the layers, all asked at once."""
    found = await asyncio.gather(*(contender.stat(layer.repo, layer.dgst) for layer in some))
    assert [tuple(one[:2]) for one in found] == [(layer.path, layer.length) for layer in some]


async def serve(name: str, url: str) -> None:
    """Answer each line on standard input, `tasks seconds`, with a line of JSON."""
    os.sched_setaffinity(0, {CLIENT_CORE})
    contender, (near, rest) = CONTENDERS[name](), split()
    await contender.open(url, near, rest)
    await check(contender, [*near[:100], *rest[:100]])
    stream = questions(near, rest[100:])
    gc.collect()
    gc.freeze()
    read = asyncio.get_running_loop().run_in_executor
    print("ready", flush=True)
    while line := await read(None, sys.stdin.readline):
        tasks, seconds = line.split()
        print(json.dumps(await Cell(contender, stream).run(int(tasks), float(seconds))), flush=True)
    await contender.close()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
