"""What a write costs the server and each node, where all nodes have its repository near and ask again.

The writer puts one more layer into the repository; each node hears of it, asks
once more for a layer of that repository, and has it near. Beside it stands what
the nodes cost when nobody writes: their heartbeats.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import time

import redis

from bench.memory_parts.layers import layers
from bench.near_parts.scene import busy, info, populate, server
from tests.servers import RedisServer

COUNTS = (1, 10, 50)
WRITES = 100
IDLE_SECONDS = 2.0


class Crowd:
    """The nodes, in their process."""

    def __init__(self, server: RedisServer, count: int) -> None:
        command = [sys.executable, "-m", "bench.near_parts.crowd", server.url, str(count)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, repo: str, dgst: str) -> tuple[float, int]:
        """Have every node ask; seconds of their CPU, and pushes, so far."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{repo} {dgst}\n")
        self._process.stdin.flush()
        cpu, pushes = json.loads(self._process.stdout.readline())
        return cpu, pushes

    def stop(self) -> None:
        """End it."""
        self._process.communicate()


def measure(server: RedisServer, count: int) -> dict[str, float]:
    """The figures for *count* nodes."""
    first = next(layers(1))
    crowd = Crowd(server, count)
    try:
        cpu, _ = crowd.ask(first.repo, first.dgst)
        redis_cpu = busy(server)
        time.sleep(IDLE_SECONDS)
        idle = crowd.ask(first.repo, first.dgst)[0] - cpu, busy(server) - redis_cpu
        cpu, pushes = crowd.ask(first.repo, first.dgst)
        redis_cpu, sent = busy(server), info(server, "stats")["total_net_output_bytes"]
        with redis.Redis.from_url(server.url) as client:
            for _ in range(WRITES):
                client.sadd(f"repository::{first.repo}::blobs", f"sha256:{time.time_ns()}")
                crowd.ask(first.repo, first.dgst)
        after, heard = crowd.ask(first.repo, first.dgst)
        redis_cpu, sent = busy(server) - redis_cpu, info(server, "stats")["total_net_output_bytes"] - sent
    finally:
        crowd.stop()
    return {
        "pushes": (heard - pushes) / WRITES,
        "redis us": redis_cpu / WRITES * 1e6,
        "node us": (after - cpu) / WRITES / count * 1e6,
        "bytes": sent / WRITES / count,
        "idle node %": idle[0] / IDLE_SECONDS / count * 100,
        "idle redis %": idle[1] / IDLE_SECONDS * 100,
    }


def report(repeats: int) -> None:
    """Measure each count in turn, and print the table."""
    with server() as started:
        asyncio.run(populate(started.url, list(layers(100))))
        runs = [{count: measure(started, count) for count in COUNTS} for _ in range(repeats)]
    print(f"{'per write':<18}" + "".join(f"{name:>16}" for name in runs[0][COUNTS[0]]))
    for count in COUNTS:
        print(f"{count:>4} nodes        ", end="")
        for name in runs[0][count]:
            values = [run[count][name] for run in runs]
            print(f"{statistics.median(values):>16,.2f}", end="")
        print(flush=True)
    print()
