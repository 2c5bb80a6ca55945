"""What a change costs the near memory: what it voids, how long that takes, what has to be asked again.

A node has twenty thousand layers near, a hundred to a repository. Another
client changes one repository, then one meta, then everything. What is told is
the work of this process alone: the microseconds of the push, the layers that are
not near after it, and the commands that the server has until they are again.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence

import redis

from bench.memory_parts.layers import Layer, layers
from bench.near_parts.scene import draw_near, info, populate, server
from layercache import RedisCache, background
from layercache.backends.redis import scripts
from layercache.backends.redis.transport.handshake import Handshake
from layercache.backends.redis.transport.link import Follower, Link
from tests.servers import RedisServer

LAYERS = 20_000

Figures = tuple[float, float, float]
EVERYTHING = ("FLUSHALL",)
PATIENCE = 60.0  # seconds, so that a busy machine is not taken for a silent server


class TimedFollower:
    """Hears what another follower does, and times its pushes."""

    def __init__(self, follower: Follower, spent: list[float]) -> None:
        self.welcome, self.lost, self.pinging = follower.welcome, follower.lost, follower.pinging
        self._follower = follower
        self._spent = spent

    def pushed(self, push: list[object]) -> None:
        start = time.thread_time()
        self._follower.pushed(push)
        self._spent.append(time.thread_time() - start)


class TimedLink(Link):
    """A link that times what its follower does with a push."""

    def __init__(self, opener: Handshake, spent: list[float]) -> None:
        super().__init__(opener)
        self._spent = spent

    def follow(self, follower: Follower) -> None:
        super().follow(TimedFollower(follower, self._spent))


class Node:
    """A cache with what was read kept near, and the time that its pushes took.

    Attributes:
        spent: Seconds, of each push.
    """

    def __init__(self, url: str, entries: int) -> None:
        self.spent: list[float] = []
        link = TimedLink(Handshake.from_url(url, *scripts.LOADING), self.spent)
        self.cache = RedisCache(link, near=entries, max_staleness=PATIENCE)

    def near(self, rows: Sequence[Layer]) -> int:
        """How many of *rows* would be answered near."""
        peek = self.cache.backend.peek
        assert peek is not None
        return sum(peek.stat(layer.repo, layer.dgst) is not None for layer in rows)


async def change(node: Node, server: RedisServer, rows: Sequence[Layer], *words: str) -> Figures:
    """Have another client say *words*; return the microseconds, what is void, and the commands to mend it."""
    before, node.spent = node.near(rows), []
    with redis.Redis.from_url(server.url) as client:
        client.execute_command(*words)
    await node.cache.contains(background(), "nobody", "nothing")  # Behind it, all pushes have come.
    spent, voided = sum(node.spent), before - node.near(rows)
    if words == EVERYTHING:
        await populate(server.url, rows)
    had = info(server, "stats")["total_commands_processed"]
    await draw_near(node.cache, rows)
    assert node.near(rows) == before
    return spent * 1e6, voided, info(server, "stats")["total_commands_processed"] - had - 1


async def measure(server: RedisServer, repeats: int) -> dict[str, list[Figures]]:
    """The figures of each kind of change."""
    rows = list(layers(LAYERS))
    await populate(server.url, rows)
    node = Node(server.url, 2 * LAYERS)
    found: dict[str, list[Figures]] = {}
    async with node.cache:
        await draw_near(node.cache, rows)
        for repeat in range(repeats):
            some = rows[repeat * 1_000]
            for name, words in (
                ("one repository of 100 layers", ("SADD", f"repository::{some.repo}::blobs", "new")),
                ("one meta", ("HSET", f"blobs::{some.dgst}", "size", str(some.length))),
                ("everything: FLUSHALL", EVERYTHING),
            ):
                found.setdefault(name, []).append(await change(node, server, rows, *words))
    return found


def report(repeats: int) -> None:
    """Measure, and print the table."""
    with server() as started:
        found = asyncio.run(measure(started, repeats))
    print(
        f"{f'a change, {LAYERS:,} layers near':<34}{'us':>9}{'min':>9}{'max':>9}{'voided':>9}{'commands':>10}"
    )
    for name, runs in found.items():
        spent, voided, commands = zip(*runs, strict=True)
        print(f"{name:<34}{statistics.median(spent):>9,.0f}{min(spent):>9,.0f}{max(spent):>9,.0f}", end="")
        print(f"{statistics.median(voided):>9,.0f}{statistics.median(commands):>10,.0f}", flush=True)
    print()
