"""`stat` where nineteen of twenty layers are near: answers a second, CPU, and what the server is asked."""

import asyncio
import json
import statistics
import subprocess
import sys

from bench.near_parts.contenders import CONTENDERS
from bench.near_parts.scene import info, populate, server
from bench.near_parts.worker import split
from tests.servers import RedisServer

TASKS = (1, 256)
SECONDS = 1.0
TRIAL = 5_000  # questions, which tell how many take that long
FAR = "RedisCache"

Figures = dict[str, float]


class Rival:
    """A contender in its worker process."""

    def __init__(self, name: str, server: RedisServer) -> None:
        self._server = server
        command = [sys.executable, "-m", "bench.near_parts.worker", name, server.url]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._told()

    def measure(self, tasks: int) -> Figures:
        """One cell; `asked` is how many commands the server had for each answer."""
        count = round(SECONDS * self._run(tasks, TRIAL)["rate"])
        before = info(self._server, "stats")["total_commands_processed"]
        figures = self._run(tasks, count)
        figures["asked"] = (info(self._server, "stats")["total_commands_processed"] - before) / count
        return figures

    def _run(self, tasks: int, count: int) -> Figures:
        assert self._process.stdin
        self._process.stdin.write(f"{tasks} {count}\n")
        self._process.stdin.flush()
        figures: Figures = json.loads(self._told())
        return figures

    def _told(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, f"it ended with {self._process.wait()}"
        return line

    def stop(self) -> None:
        """End it."""
        self._process.communicate()


def report(repeats: int) -> None:
    """Measure all in turn, and print a table for one task and one for many."""
    with server("--maxclients", "20000") as started:
        near, rest = split()
        asyncio.run(populate(started.url, [*near, *rest]))
        rivals = {name: Rival(name, started) for name in CONTENDERS}
        try:
            for tasks in TASKS:
                compare(rivals, tasks, repeats)
        finally:
            for rival in rivals.values():
                rival.stop()


def compare(rivals: dict[str, Rival], tasks: int, repeats: int) -> None:
    """Measure every rival so many times, in turn, and print a row for each."""
    cells: dict[str, list[Figures]] = {name: [] for name in rivals}
    for _ in range(repeats):
        for name, rival in rivals.items():
            cells[name].append(rival.measure(tasks))
    print(f"{f'stat, 95 % near, {tasks} tasks':<28}{'a second':>11}{'min':>11}{'max':>11}", end="")
    print(f"{'CPU us':>9}{'x far':>8}{'commands':>11}")
    for name, runs in cells.items():
        rates = [run["rate"] for run in runs]
        cpu, asked = (statistics.median(run[key] for run in runs) for key in ("cpu", "asked"))
        pairs = zip(rates, cells[FAR], strict=True)
        to_far = statistics.median(rate / other["rate"] for rate, other in pairs)
        print(f"{name:<28}{statistics.median(rates):>11,.0f}{min(rates):>11,.0f}{max(rates):>11,.0f}", end="")
        print(f"{cpu:>9.1f}{to_far:>8.2f}{asked:>11.2f}", flush=True)
    print()
