"""A walk in a process of its own, which prints by how many MiB it has grown, and what it has found.

python -m tests.storage.growing URL SHAPE LAYERS
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Self

from layercache.backends.redis.cache import RedisCache
from layercache.context import Context, background
from layercache.errors import NotFoundError
from layercache.meta import LayerMeta
from layercache.reconcile import Reconciler
from layercache.source import PARTS, ListableSource

BATCH = 1_000
LENGTH = 7

# The same layers, in a Redis: many of one repository, or one of many repositories.
FILLS = {
    "layers": """
for i = 0, ARGV[1] - 1 do
    local dgst = string.format('sha256:%02x%062x', i % 256, i)
    redis.call('SADD', 'repository::x::blobs', dgst)
    redis.call('HSET', 'blobs::' .. dgst, 'digest', dgst, 'size', '7', 'mediatype', '')
end
""",
    "repositories": """
local dgst = string.format('sha256:%064x', 0)
redis.call('HSET', 'blobs::' .. dgst, 'digest', dgst, 'size', '7', 'mediatype', '')
for i = 0, ARGV[1] - 1 do
    redis.call('SADD', string.format('repository::team/app-%07d::blobs', i), dgst)
end
""",
}


class Layers(ListableSource):
    """A source of so many layers, all of one repository, that keeps none of them in memory."""

    def __init__(self, count: int) -> None:
        self._count = count

    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
        """Is asked only for what was not listed."""
        raise NotFoundError(dgst)

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        """Is asked only for what was not listed."""
        return False

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        """Is asked only for what was not listed."""
        raise NotFoundError(dgst)

    async def listing(self, ctx: Context) -> Self:
        """The listing is the source itself."""
        return self

    async def links(self, ctx: Context) -> AsyncIterator[Sequence[tuple[str, str]]]:
        """All layers are linked."""
        for start in range(0, self._count, BATCH):
            yield [self._link(number) for number in range(start, min(start + BATCH, self._count))]

    async def blobs(self, ctx: Context, part: str) -> AsyncIterator[Sequence[tuple[str, int]]]:
        """All are there."""
        yield [(digest(number), LENGTH) for number in range(PARTS.index(part), self._count, 256)]

    def _link(self, number: int) -> tuple[str, str]:
        return "x", digest(number)


class Repositories(Layers):
    """A source of so many repositories, which all link one layer."""

    async def blobs(self, ctx: Context, part: str) -> AsyncIterator[Sequence[tuple[str, int]]]:
        """It is there."""
        yield [(digest(0), LENGTH)] if part == PARTS[0] else []

    def _link(self, number: int) -> tuple[str, str]:
        return f"team/app-{number:07}", digest(0)


class Nothing(Repositories):
    """A source of nothing at all."""

    async def links(self, ctx: Context) -> AsyncIterator[Sequence[tuple[str, str]]]:
        """None is linked."""
        yield []

    async def blobs(self, ctx: Context, part: str) -> AsyncIterator[Sequence[tuple[str, int]]]:
        """None is there."""
        yield []


SHAPES = {"layers": Layers, "repositories": Repositories, "nothing": Nothing}


def digest(number: int) -> str:
    """A digest; the parts are of one size."""
    return f"sha256:{number % 256:02x}{number:062x}"


def resident(which: str) -> float:
    """MiB that this process has in memory: `VmRSS`, now; `VmHWM`, at most until now.

    Not `ru_maxrss`, which a process inherits from the one that started it.
    """
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(status[which].split()[0]) / 1024


async def main(url: str, shape: str, count: int) -> None:
    """Walk, and print."""
    ctx = background()
    async with RedisCache(url) as cache:
        await cache.contains(ctx, "x", digest(0))
        before = resident("VmRSS")
        report = await Reconciler(cache, SHAPES[shape](count)).run(ctx)
    growth = resident("VmHWM") - before
    sys.stdout.write(json.dumps({"growth": growth, "known": report.known, "stale": report.stale}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
