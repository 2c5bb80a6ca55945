"""What others do between two steps of a handler of the example registry: no answer is untrue afterwards."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from registry.sweep import sweep
from registry.tree import Tree, Upload
from registry_fastapi import create_app

from layercache import Context, Digest, LayerMeta, MemoryCache, Repository, background
from layercache.storage import StorageSource
from layercache.storage.layout import data_path
from tests.storage.trees import digest_of
from tests.web.clients import asking, serving


@asynccontextmanager
async def example(
    tree: Tree, source: StorageSource, cache: MemoryCache | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the example registry from the loop of the test, over *tree* as *source* reads it."""
    app = create_app(source, tree, cache or MemoryCache())
    async with serving(app) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        yield client


async def test_part_that_is_replaced(tmp_path: Path) -> None:
    """A part of an upload that another request replaces before it is hashed counts as it was hashed."""

    class Replacing(Tree):
        async def join(self, upload: Upload, dgst: Digest) -> tuple[str, int]:
            async def other() -> AsyncIterator[bytes]:
                yield b"longer than that"

            await self.append(Upload(upload.repo, upload.name, upload.folder), other())
            return await super().join(upload, dgst)

    dgst = digest_of(b"longer than that")
    async with example(Replacing(tmp_path.as_uri()), StorageSource(tmp_path.as_uri())) as client:
        answer = await client.post(f"/v2/x/blobs/uploads/?digest={dgst}", content=b"short")
        assert answer.status_code == 201
        head = await client.head(f"/v2/x/blobs/{dgst}")
    assert head.headers["Content-Length"] == "16"


async def test_manifest_that_asks_for_too_much(tmp_path: Path) -> None:
    """Of a manifest's blobs each is asked for once, however often it is named, and few at a time."""
    asked, now, most = Counter[str](), 0, 0

    class Counting(StorageSource):
        async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
            nonlocal now, most
            asked[dgst] += 1
            now += 1
            most = max(most, now)
            try:
                return await super().meta(ctx, dgst)
            finally:
                now -= 1

    contents = [bytes([number]) for number in range(40)]
    async with example(Tree(tmp_path.as_uri()), Counting(tmp_path.as_uri())) as client:
        for content in contents:
            await client.post(f"/v2/x/blobs/uploads/?digest={digest_of(content)}", content=content)
        layers = [{"digest": digest_of(content)} for content in contents] * 100
        manifest = json.dumps({"schemaVersion": 2, "layers": layers})
        pushed = await client.put("/v2/x/manifests/1.0", content=manifest)
    assert pushed.status_code == 201
    assert asked == {digest_of(content): 1 for content in contents}
    assert most <= 16


async def test_client_that_hangs_up_amid_a_commit(tmp_path: Path) -> None:
    """A commit that was begun is finished, though its client has left."""
    is_begun, is_finished = asyncio.Event(), asyncio.Event()

    class Waiting(Tree):
        async def begin(self, ctx: Context, repo: Repository) -> Upload:
            self.request = ctx
            return await super().begin(ctx, repo)

        async def move(self, ctx: Context, path: str, target: str) -> None:
            is_begun.set()
            await self.request.wait()
            await super().move(ctx, path, target)

        async def discard(self, ctx: Context, upload: Upload) -> None:
            await super().discard(ctx, upload)
            is_finished.set()

    dgst = digest_of(b"blob")
    async with example(Waiting(tmp_path.as_uri()), StorageSource(tmp_path.as_uri())) as client:
        port = client.base_url.port or 0
        async with asyncio.timeout(10):
            head = f"POST /v2/x/blobs/uploads/?digest={dgst} HTTP/1.1"
            async with asking(port, head, "Content-Length: 4") as (_, writer):
                writer.write(b"blob")
                await is_begun.wait()
            await is_finished.wait()
        assert (await client.get(f"/v2/x/blobs/{dgst}")).content == b"blob"


async def test_sweep_is_announced(tmp_path: Path) -> None:
    """While a blob is swept, nobody may fill in that it is there."""
    leases, dgst = list[object](), digest_of(b"swept")

    class Looking(Tree):
        async def delete(self, ctx: Context, *paths: str) -> None:
            leases.append(await cache.lease(ctx, "x", dgst))
            await super().delete(ctx, *paths)

    tree, cache = Looking(tmp_path.as_uri()), MemoryCache()
    await tree.write(background(), data_path(dgst), b"swept")
    assert await sweep(background(), tree, cache) == [dgst]
    assert leases == [None]


async def test_manifest_that_another_registry_remembers(tmp_path: Path) -> None:
    """With a manifest goes what a Go registry that shares the cache has remembered of it."""
    content = b'{"schemaVersion": 2}'
    cache, dgst = MemoryCache(), digest_of(content)
    async with example(Tree(tmp_path.as_uri()), StorageSource(tmp_path.as_uri()), cache) as client:
        assert (await client.put("/v2/x/manifests/1.0", content=content)).status_code == 201
        await cache.put(background(), "x", dgst, LayerMeta(data_path(dgst), len(content)))
        assert (await client.delete(f"/v2/x/manifests/{dgst}")).status_code == 202
        assert not await cache.contains(background(), "x", dgst)
