"""One measurement, in a process of its own: list the tree, scan the Redis, or reconcile them.

    python -m bench.reconcile_parts.worker WHAT ROOT URL

Prints seconds, seconds of CPU, MiB of growth, and how much was found, as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import obstore
import obstore.store

from layercache import RedisCache, background
from layercache.backends.redis.commands import meta_query
from layercache.backends.redis.resp import pack
from layercache.backends.redis.transport.handshake import Handshake
from layercache.backends.redis.transport.link import Link
from layercache.backends.redis.transport.wire import Wire
from layercache.meta import TREE
from layercache.reconcile import Reconciler
from layercache.storage import StorageSource

COUNT = 1_000
Found = dict[str, float]


async def listing(root: str, _url: str) -> Found:
    """List the tree by the driver, and do nothing with it."""
    files = 0
    async for objects in obstore.list(obstore.store.from_url(f"file://{root}"), TREE, chunk_size=COUNT):
        files += len(objects)
    return {"files": files}


async def scan(_root: str, url: str) -> Found:
    """Read every set and every meta over the bare wire, and do nothing with it."""
    link = Link(Handshake.from_url(url))
    wire = await background().run(link.ready())
    found = {"keys": 0, "members": 0}
    cursor = b"0"
    while True:
        reply = await wire.call(pack("SCAN", cursor.decode(), "MATCH", "*blobs*", "COUNT", COUNT))
        assert isinstance(reply, list)
        cursor, keys = reply
        found["keys"] += len(keys)
        metas = [key[7:].decode() for key in keys if key.startswith(b"blobs::")]
        if metas:
            await wire.call("".join(map(meta_query, metas)), len(metas))
        for key in keys:
            if key.endswith(b"::blobs"):
                found["members"] += await members(wire, key.decode())
        if cursor == b"0":
            await link.aclose()
            return dict(found)


async def members(wire: Wire, key: str) -> int:
    """How many members a set has, read one page after the other."""
    count, cursor = 0, b"0"
    while True:
        reply = await wire.call(pack("SSCAN", key, cursor.decode(), "COUNT", COUNT))
        assert isinstance(reply, list)
        cursor, page = reply
        count += len(page)
        if cursor == b"0":
            return count


async def reconcile(root: str, url: str) -> Found:
    """Hold the one against the other."""
    async with RedisCache(url) as cache:
        report = await Reconciler(cache, StorageSource(f"file://{root}")).run(background())
    return {name: value for name, value in report._asdict().items() if isinstance(value, int)}


WORK: dict[str, Callable[[str, str], Awaitable[Found]]] = {
    "list": listing,
    "scan": scan,
    "reconcile": reconcile,
}


def resident(which: str) -> float:
    """MiB that this process has in memory: `VmRSS`, now; `VmHWM`, at most until now."""
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(status[which].split()[0]) / 1024


async def main(what: str, root: str, url: str) -> None:
    """Do it and print the figures."""
    before = resident("VmRSS")
    begin = time.perf_counter()
    found = await WORK[what](root, url)
    seconds = time.perf_counter() - begin
    growth = resident("VmHWM") - before
    print(json.dumps({"seconds": seconds, "cpu": time.process_time(), "growth": growth, "found": found}))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
    time.sleep(0.1)  # or a thread of the driver might die inside the interpreter; see StorageSource
