"""Clients by the hundred that hang up in mid-request: nothing is left of them, and nothing untrue."""

import asyncio
import gc
from pathlib import Path
from random import Random

import psutil
import pytest
from registry.tree import Tree
from registry_fastapi import create_app

from layercache import LayerInfoCache, NotFoundError, background, open_cache
from layercache.storage import StorageSource
from tests.servers import RedisServer
from tests.storage.trees import digest_of
from tests.web.clients import asking, serving, settled

CLIENTS = 300
AT_ONCE = 20
CONTENTS = [bytes([number]) * 200_000 for number in range(10)]
DIGESTS = [digest_of(content) for content in CONTENTS]


async def hang_up(random: Random, port: int) -> None:
    """Push, pull or delete one of a few blobs, and hang up some time before the end, or just after."""
    number = random.randrange(len(CONTENTS))
    dgst, content = DIGESTS[number], CONTENTS[number]
    method, path = random.choice(
        [
            ("POST", f"/v2/x/blobs/uploads/?digest={dgst}"),
            ("POST", f"/v2/x/blobs/uploads/?digest={dgst}"),
            ("GET", f"/v2/x/blobs/{dgst}"),
            ("HEAD", f"/v2/x/blobs/{dgst}"),
            ("DELETE", f"/v2/x/blobs/{dgst}"),
        ]
    )
    length = len(content) if method == "POST" else 0
    async with asking(port, f"{method} {path} HTTP/1.1", f"Content-Length: {length}") as (reader, writer):
        if method == "POST":
            writer.write(content[: random.choice([0, length // 2, length, length])])
        for _ in range(random.choice([0, 1, 10, 100])):
            await asyncio.sleep(0)
        if method != "POST" and random.random() < 0.3:
            await reader.readline()


@pytest.fixture(params=["memory", "far", "near and far"])
def remembered(request: pytest.FixtureRequest, redis_server: RedisServer) -> LayerInfoCache:
    """What the registry remembers by."""
    urls = {"memory": "memory://", "far": redis_server.url, "near and far": f"{redis_server.url}?near=100"}
    return open_cache(urls[request.param])


async def test_killed_clients(tmp_path: Path, remembered: LayerInfoCache) -> None:
    """After hundreds of them there is no task, no open file, and no "yes" that the storage would deny."""
    source = StorageSource(tmp_path.as_uri())
    process = psutil.Process()
    async with serving(create_app(source, Tree(tmp_path.as_uri()), remembered)) as port:
        async with asking(port, f"HEAD /v2/x/blobs/{DIGESTS[0]} HTTP/1.1") as (reader, _):
            await reader.readline()
        tasks, files = len(asyncio.all_tasks()), process.num_fds()
        random = Random(6)
        for _ in range(CLIENTS // AT_ONCE):
            await asyncio.gather(*(hang_up(random, port) for _ in range(AT_ONCE)))
        try:
            async with asyncio.timeout(30):
                await settled(tasks)
                gc.collect()
                # A connection between two requests has no task, and hears of its end in a later turn.
                while process.num_fds() > files + 1:  # noqa: ASYNC110 - a socket is closed without an event
                    await asyncio.sleep(0)
        except TimeoutError:
            left = (asyncio.all_tasks(), process.open_files(), process.net_connections())
            pytest.fail(f"{tasks} tasks and {files} files before, and now {left}")
        for number, (dgst, content) in enumerate(zip(DIGESTS, CONTENTS, strict=True)):
            try:
                meta = await remembered.stat(background(), "x", dgst)
            except NotFoundError:
                continue
            assert await source.contains(background(), "x", dgst), (number, meta, remembered)
            chunks = await source.open(background(), dgst, meta)
            assert b"".join([chunk async for chunk in chunks]) == content
