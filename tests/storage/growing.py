"""A walk in a process of its own, which prints by how many MiB it has grown, and what it has found.

python -m tests.storage.growing URL LAYERS
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from layercache.context import Context, background
from layercache.errors import NotFoundError
from layercache.meta import LayerMeta
from layercache.redis.cache import RedisCache
from layercache.scan import PARTS
from layercache.storage import Reconciler

BATCH = 1_000
LENGTH = 7

# The same layers, in a Redis.
FILL = """
for i = 0, ARGV[1] - 1 do
    local dgst = string.format('sha256:%02x%062x', i % 256, i)
    redis.call('SADD', 'repository::x::blobs', dgst)
    redis.call('HSET', 'blobs::' .. dgst, 'digest', dgst, 'size', '7', 'mediatype', '')
end
"""


class Source:
    """A source of so many layers, all of one repository, that keeps none of them in memory."""

    def __init__(self, layers: int) -> None:
        self._layers = layers

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        """Is asked only for what was not listed."""
        return False

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        """Is asked only for what was not listed."""
        raise NotFoundError(dgst)

    async def listing(self, ctx: Context) -> "Source":
        """The listing is the source itself."""
        return self

    async def links(self, ctx: Context) -> AsyncIterator[Sequence[tuple[str, str]]]:
        """All layers are linked."""
        for start in range(0, self._layers, BATCH):
            yield [("x", digest(number)) for number in range(start, min(start + BATCH, self._layers))]

    async def blobs(self, ctx: Context, part: str) -> AsyncIterator[Sequence[tuple[str, int]]]:
        """All are there."""
        yield [(digest(number), LENGTH) for number in range(PARTS.index(part), self._layers, 256)]


def digest(number: int) -> str:
    """A digest; the parts are of one size."""
    return f"sha256:{number % 256:02x}{number:062x}"


def resident(which: str) -> float:
    """MiB that this process has in memory: `VmRSS`, now; `VmHWM`, at most until now.

    Not `ru_maxrss`, which a process inherits from the one that started it.
    """
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(status[which].split()[0]) / 1024


async def main(url: str, layers: int) -> None:
    """Walk, and print."""
    ctx = background()
    async with RedisCache(url) as cache:
        await cache.contains(ctx, "x", digest(0))
        before = resident("VmRSS")
        report = await Reconciler(cache, Source(layers)).run(ctx)
    growth = resident("VmHWM") - before
    sys.stdout.write(json.dumps({"growth": growth, "known": report.known, "stale": report.stale}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
