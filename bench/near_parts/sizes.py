"""What a layer takes: in Redis, by what lies there; in its tracking table; near.

Redis is asked how much it uses before and after. The hash of a meta has fields
longer than the 64 bytes up to which Redis packs a hash closely, so that setting
is measured, too. The near memory is weighed by its process, as `bench.memory` does.
"""

import asyncio
import gc
import math
import subprocess
import sys
import time
from collections.abc import Sequence

import psutil

from bench.memory_parts.layers import Layer, layers
from bench.near_parts.scene import AT_ONCE, info, populate, server
from layercache import Digest, LayerMeta, RedisCache, Repository, background
from layercache.backends.redis import scripts
from layercache.backends.redis.near.admission import Admission
from layercache.backends.redis.near.backend import MAX_AGE
from layercache.backends.redis.near.table import NearTable
from layercache.backends.redis.near.tracking import TRACKING_ON
from layercache.backends.redis.schema import members_key, meta_key, scoped_key
from layercache.backends.redis.transport.handshake import Handshake
from layercache.backends.redis.transport.link import Link
from tests.servers import RedisServer

LAYERS = 200_000
NODES = 4
ENTRY, BUFFER = "entry", "buffer"
PACKED = ("--hash-max-listpack-value", "256")


def used_memory(server: RedisServer) -> float:
    """Bytes that the server has allocated."""
    return info(server, "memory")["used_memory"]


def report_redis(rows: Sequence[Layer], *options: str) -> None:
    """Fill a server, have a few nodes read all of it, and print what grew."""
    with server(*options) as started:
        asyncio.run(populate(started.url, rows[:100]))
        empty, busy = used_memory(started), time.perf_counter()
        asyncio.run(populate(started.url, rows))
        full, busy = used_memory(started), time.perf_counter() - busy
        each = (full - empty) / (len(rows) - 100)
        print(
            f"Redis {' '.join(options) or 'as it comes'}: {each:,.0f} bytes a layer, filled in {busy:.0f} s"
        )
        last = rows[-1]
        for key in (meta_key(last.dgst), scoped_key(last.repo, last.dgst), members_key(last.repo)):
            size, kind = started.ask("MEMORY", "USAGE", key), started.ask("OBJECT", "ENCODING", key)
            print(f"  {key[:40]:<42}{size!s:>8} bytes, {kind!s}")
        asyncio.run(report_tracking(started, rows))


async def report_tracking(server: RedisServer, rows: Sequence[Layer]) -> None:
    """Have one node read all, then others, each over a connection that is tracked; nothing is kept near."""
    links = [Link(Handshake.from_url(server.url, *scripts.LOADING)) for _ in range(NODES)]
    caches = [RedisCache(link) for link in links]
    for number, (cache, link) in enumerate(zip(caches, links, strict=True)):
        before = used_memory(server), info(server, "stats")["tracking_total_keys"]
        await read(cache, link, rows)
        grown = used_memory(server) - before[0]
        keys, items = (info(server, "stats")[f"tracking_total_{what}"] for what in ("keys", "items"))
        print(f"  node {number + 1} read all: {grown / keys:,.0f} bytes a key that is tracked", end="")
        print(f" ({keys:,.0f} keys, {items:,.0f} of a node)", flush=True)
    for cache in caches:
        await cache.aclose()


async def read(cache: RedisCache, link: Link, rows: Sequence[Layer]) -> None:
    """Have the server track *link*, and ask for each of *rows*."""
    await (await link.ready()).call(TRACKING_ON)
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        await asyncio.gather(*(cache.stat(background(), layer.repo, layer.dgst) for layer in some))


def report_near(rows: Sequence[Layer], *, is_admitted: bool) -> None:
    """Weigh a near memory that has all *rows*, with an entry each, or in the admission buffer."""
    process = psutil.Process()
    repos = {layer.repo: Repository(layer.repo) for layer in rows}
    gc.collect()
    before = process.memory_info().rss
    table = NearTable(len(rows), MAX_AGE, time.monotonic)
    table.trusted_until = math.inf
    admission = Admission(table, 1)
    for layer in rows:
        repo, dgst, path = repos[layer.repo], Digest(layer.dgst), layer.path.encode().decode()
        admission.take(table.ask(repo), repo, dgst, is_member=True, meta=LayerMeta(path, layer.length))
        if is_admitted:
            admission.stat(repo, dgst)
    gc.collect()
    grown = process.memory_info().rss - before
    what = "with an entry" if is_admitted else "in the admission buffer"
    print(f"near, {what}: {grown / (len(table) + len(admission)):,.0f} bytes a layer", flush=True)


def report(repeats: int) -> None:
    """Measure all of it; *repeats* says how often the near memory is weighed."""
    for what in (ENTRY, BUFFER) * repeats:
        subprocess.run([sys.executable, "-m", "bench.near_parts.sizes", what], check=True)
    rows = list(layers(LAYERS))
    for options in ((), PACKED):
        report_redis(rows, *options)
    print()


if __name__ == "__main__":
    report_near(list(layers(LAYERS)), is_admitted=sys.argv[1] == ENTRY)
