"""What the parts share: a redis-server on a core of its own, layers in it, and what it says of itself."""

import asyncio
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import redis

from bench.memory_parts.layers import Layer
from layercache import Digest, LayerMeta, RedisCache, Repository, background
from tests.servers import RedisServer, find_servers, running

CLIENT_CORE, SERVER_CORE = 0, 1
AT_ONCE = 500


@contextmanager
def server(*options: str) -> Iterator[RedisServer]:
    """A redis-server: the one on PATH, or else any that is found."""
    program = next(iter(find_servers().values()))
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        running(program, Path(name), *options) as started,
    ):
        pin(int(cast("int", info(started, "server")["process_id"])), SERVER_CORE)
        yield started


def pin(process: int, core: int) -> None:
    """Keep *process*, all its threads, on *core*."""
    for thread in Path(f"/proc/{process}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def info(server: RedisServer, section: str) -> dict[str, float]:
    """What the server says of itself."""
    with redis.Redis.from_url(server.url) as client:
        return cast("dict[str, float]", client.info(section))


def busy(server: RedisServer) -> float:
    """Seconds of CPU that the server has used."""
    told = info(server, "cpu")
    return told["used_cpu_user"] + told["used_cpu_sys"]


async def populate(url: str, rows: Sequence[Layer]) -> None:
    """Store *rows*."""
    async with RedisCache(url) as cache:
        for start in range(0, len(rows), AT_ONCE):
            await asyncio.gather(
                *(
                    cache.put(background(), layer.repo, layer.dgst, LayerMeta(layer.path, layer.length))
                    for layer in rows[start : start + AT_ONCE]
                )
            )


def parsed(rows: Sequence[Layer]) -> list[tuple[Repository, Digest]]:
    """What a handler has of each of *rows*."""
    repos = {layer.repo: Repository(layer.repo) for layer in rows}
    return [(repos[layer.repo], Digest(layer.dgst)) for layer in rows]


async def draw_near(cache: RedisCache, rows: Sequence[Layer]) -> None:
    """Ask twice for each of *rows*, so that it has a place."""
    asked = parsed(rows)
    for _ in range(2):
        for start in range(0, len(asked), AT_ONCE):
            some = asked[start : start + AT_ONCE]
            await asyncio.gather(*(cache.stat(background(), repo, dgst) for repo, dgst in some))
