"""How long a question waits in a node while another process changes what the node has near.

Questions about layers that nobody changes come from a process of their own, a
thousand a second, each with the time at which it was asked; a node answers each
in a task, near, and the time from one to the other is what counts: kernel, loop
and all. Meanwhile the node reads again and again what is changed, so that there is
always something to push. The same without a storm stands beside it.

On a machine that is busy otherwise the kernel makes a question wait, whatever the
node does. So beside that wait stands what the node's own loop is good for: the CPU
time of each of its turns. What is ready waits for the rest of one turn, and for
no more than the next.

    python -m bench.near_parts.storm URL       (the one who asks)
"""

import asyncio
import os
import selectors
import sys
import time
from collections.abc import Sequence
from functools import partial

from tests.near.storm import REPOSITORIES, repository

from bench.near_parts.changes import PATIENCE
from bench.near_parts.scene import AT_ONCE, CLIENT_CORE, SERVER_CORE, busy, server
from bench.processor import cpu_seconds
from layercache import LayerMeta, RedisCache, background
from layercache.backends.redis.near import NearState
from tests.memory.inside import digest
from tests.servers import RedisServer

LAYERS, RATE, SECONDS = 20_000, 10_000, 3
QUESTIONS = 1_000  # a second
CALM = "calm"
PART = 100  # layers read again at once


class Turns(selectors.DefaultSelector):
    """A loop's selector that notes how much CPU time the loop takes from one look to the next.

    Attributes:
        taken: Seconds, of each turn.
    """

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[float] = []
        self._began = time.thread_time()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Look what is ready."""
        self.taken.append(time.thread_time() - self._began)
        ready = super().select(timeout)
        self._began = time.thread_time()
        return ready


async def prepare(cache: RedisCache) -> None:
    """Store all there is, and have it near."""
    for start in range(0, LAYERS, AT_ONCE):
        part = range(start, start + AT_ONCE)
        puts = (cache.put(background(), repository(n), digest(n), LayerMeta("/data", 1)) for n in part)
        await asyncio.gather(*puts)
    await cache.put(background(), CALM, digest(0), LayerMeta("/data", 1))
    for _ in range(2):
        await cache.stat(background(), CALM, digest(0))
        for first in range(REPOSITORIES):
            some = [digest(number) for number in range(first, LAYERS, REPOSITORIES)]
            await cache.stat_many(background(), repository(first), some)


async def read_again(cache: RedisCache) -> None:
    """Read what is changed, some at a time, for ever."""
    while True:
        for first in range(REPOSITORIES):
            dgsts = [digest(number) for number in range(first, LAYERS, REPOSITORIES)]
            for start in range(0, len(dgsts), PART):
                await cache.stat_many(background(), repository(first), dgsts[start : start + PART])
                await asyncio.sleep(0)


async def answer(cache: RedisCache, asked: float, waits: list[float]) -> None:
    """Answer one question."""
    assert await cache.contains(background(), CALM, digest(0))
    waits.append(time.monotonic() - asked)


class Node(asyncio.SubprocessProtocol):
    """Answers each question in a task, as a server answers a request.

    Attributes:
        tasks: Those that are at it.
        ended: Done when all questions were taken.
    """

    def __init__(self, cache: RedisCache, waits: list[float]) -> None:
        loop = asyncio.get_running_loop()
        self._start = loop.create_task
        self._cache, self._waits = cache, waits
        self.tasks: set[asyncio.Task[None]] = set()
        self._rest = b""
        self.ended: asyncio.Future[None] = loop.create_future()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Take the questions that are whole (asyncio's call)."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            task = self._start(answer(self._cache, float(line), self._waits))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        """End: the asker has, and its pipe is empty, which its end alone does not say (asyncio's call)."""
        self.ended.set_result(None)


async def listen(cache: RedisCache, waits: list[float]) -> None:
    """Answer each question until there are no more."""
    command = (sys.executable, "-m", "bench.near_parts.storm", "ask")
    loop = asyncio.get_running_loop()
    transport, node = await loop.subprocess_exec(lambda: Node(cache, waits), *command, stdin=None)
    await node.ended
    await asyncio.gather(*node.tasks)
    transport.close()
    assert len(waits) == SECONDS * QUESTIONS


def ask() -> None:
    """Ask, by saying what time it is."""
    os.sched_setaffinity(0, {SERVER_CORE})
    begin = time.monotonic()
    for number in range(SECONDS * QUESTIONS):
        time.sleep(max(0.0, begin + number / QUESTIONS - time.monotonic()))
        sys.stdout.write(f"{time.monotonic()}\n")
        sys.stdout.flush()


async def start(*command: str) -> asyncio.subprocess.Process:
    """Start *command*, and do not listen to it."""
    return await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)


def near_state(cache: RedisCache) -> NearState:
    """How it is with what *cache* keeps near."""
    assert cache.near_state is not None
    return cache.near_state


async def measure(server: RedisServer, turns: Turns, rate: int) -> str:
    """A row of figures, with a storm of *rate* writes a second, or none."""
    async with RedisCache(server.url, near=2 * LAYERS, max_staleness=PATIENCE) as cache:
        await prepare(cache)
        before, cpu, redis_cpu, begin = near_state(cache), cpu_seconds(), busy(server), time.monotonic()
        waits: list[float] = []
        await asyncio.sleep(0)
        turns.taken.clear()
        reading = asyncio.create_task(read_again(cache)) if rate else None
        writes = [str(LAYERS), str(rate * SECONDS), str(rate)]
        command = ["taskset", "-c", str(SERVER_CORE), sys.executable, "-m", "tests.near.storm", server.url]
        writer = await start(*command, *writes) if rate else None
        await listen(cache, waits)
        seconds = time.monotonic() - begin
        cpu, redis_cpu, after = cpu_seconds() - cpu, busy(server) - redis_cpu, near_state(cache)
        if writer and reading:
            await writer.wait()
            reading.cancel()
        pushes, far = (after.changes - before.changes) / seconds, (after.far - before.far) / seconds
        return (
            f"{spread(waits)}{spread(turns.taken)}{pushes:>9,.0f}{far:>9,.0f}"
            f"{cpu / seconds:>7.0%}{redis_cpu / seconds:>7.0%}{before.entries:>9,}{after.entries:>9,}"
        )


def spread(seconds: Sequence[float]) -> str:
    """The median, the 99th percentile and the maximum, in milliseconds."""
    ordered = sorted(seconds)
    shown = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100], ordered[-1]
    return "".join(f"{value * 1e3:>8.2f}" for value in shown)


def report(repeats: int) -> None:
    """Measure with and without, in turn."""
    print(f"{'':<24}{'ms from question to answer':^24}{'CPU ms of a turn':^24}")
    print(f"{'a near hit in a storm':<24}" + f"{'p50':>8}{'p99':>8}{'max':>8}" * 2, end="")
    print(f"{'pushes/s':>9}{'far/s':>9}{'node':>7}{'redis':>7}{'entries':>9}{'after':>9}")
    os.sched_setaffinity(0, {CLIENT_CORE})
    for _ in range(repeats):
        for name, rate in (("quiet", 0), (f"{RATE:,} writes a second", RATE)):
            turns = Turns()
            factory = partial(asyncio.SelectorEventLoop, turns)
            with server() as started, asyncio.Runner(loop_factory=factory) as runner:
                print(f"{name:<24}{runner.run(measure(started, turns, rate))}", flush=True)
    print()


if __name__ == "__main__":
    ask()
