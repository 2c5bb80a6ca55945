"""RedisCache beside other clients of Redis: operations a second, latency, CPU per operation.

    python -m bench.redis [--operations meta,stat] [--tasks 1,16,256,1024] [--repeats 3] [--seconds 1]

Starts a redis-server of its own, on the second core; every contender is a
process on the first (valkey-glide, which has threads, and Go go where they
like). Cells are interleaved: each repeat visits all contenders, each time in
another order. Takes about six minutes; nothing else should run beside it.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.redis_parts.contenders import CONTENDERS
from bench.redis_parts.layers import layers
from bench.redis_parts.rivals import Figures, GoRival, PythonRival, Rival, build_go
from layercache import LayerMeta, RedisCache, background
from tests.servers import RedisServer, find_servers

OURS, FLOOR, USUAL = "layercache", "bare wire", "redis-py"
SERVER_CORE = 1


async def populate(url: str) -> None:
    """Store what everybody is asked for."""
    async with RedisCache(url) as cache:
        for layer in layers():
            await cache.put(background(), layer.repo, layer.dgst, LayerMeta(layer.path, layer.length))


def pid(server: RedisServer) -> int:
    """The server's process."""
    told = server.ask("INFO", "server")
    assert isinstance(told, dict)
    return int(told["process_id"])


@contextmanager
def server(folder: Path) -> Iterator[RedisServer]:
    """A redis-server on a core of its own: the one on PATH, or else any that is found."""
    found = find_servers()
    program = next(iter(found.values()))
    started = RedisServer(program, folder, "--maxclients", "20000")
    started.start()
    try:
        for thread in Path(f"/proc/{pid(started)}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {SERVER_CORE})
        print(subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout)
        asyncio.run(populate(started.url))
        yield started
    finally:
        started.stop()


def compare(rivals: list[Rival], operation: str, tasks: int, repeats: int, seconds: float) -> None:
    """Measure every rival so many times, in turn, and print a row for each."""
    cells: dict[str, list[Figures]] = {}
    for repeat in range(repeats):
        turn = repeat * 3 % len(rivals)
        for rival in rivals[turn:] + rivals[:turn]:
            figures = rival.measure(operation, tasks, seconds)
            if figures is not None:
                cells.setdefault(rival.name, []).append(figures)
    print(f"{operation}, {tasks} tasks")
    heads = ("a second", "min", "max", "p50 us", "p99 us", "CPU us", "ours is", "of floor")
    print(f"  {'':28}" + "".join(f"{head:>11}" for head in heads))
    rate = {name: statistics.median(run["rate"] for run in runs) for name, runs in cells.items()}
    for name in sorted(rate, key=lambda name: -rate[name]):
        runs = cells[name]
        spread = [min(run["rate"] for run in runs), max(run["rate"] for run in runs)]
        rest = [statistics.median(run[key] for run in runs) for key in ("p50", "p99", "cpu")]
        numbers = "".join(f"{number:>11,.0f}" for number in (rate[name], *spread))
        numbers += "".join(f"{number:>11,.1f}" for number in rest)
        numbers += f"{ratio(cells[OURS], runs):>10.2f}x{ratio(runs, cells[FLOOR]):>11.2f}"
        print(f"  {name:28}{numbers}", flush=True)
    print()


def ratio(runs: list[Figures], others: list[Figures]) -> float:
    """The median of the ratios within each repeat: what a neighbour takes from one, it takes from both."""
    return statistics.median(run["rate"] / other["rate"] for run, other in zip(runs, others, strict=True))


def main() -> None:
    """Run the cells that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--operations", default="meta,stat")
    parser.add_argument("--tasks", default="1,16,256,1024")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--only", default="all", help="contenders by their names, parted by `; `")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name, server(Path(name)) as redis:
        program = build_go(Path(name))
        names = list(CONTENDERS) if asked.only == "all" else asked.only.split("; ")
        rivals: list[Rival] = [PythonRival(contender, redis.url) for contender in names]
        if program is not None:
            rivals += [GoRival(program, redis.port, is_pinging=is_pinging) for is_pinging in (True, False)]
        try:
            for operation in asked.operations.split(","):
                for tasks in asked.tasks.split(","):
                    compare(rivals, operation, int(tasks), asked.repeats, asked.seconds)
        finally:
            for rival in rivals:
                rival.stop()


if __name__ == "__main__":
    main()
