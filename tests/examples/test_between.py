"""What others do between two steps of a handler of the example registry: no answer is untrue afterwards."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from registry.tree import Tree, Upload
from registry_fastapi import create_app

from layercache import Digest, MemoryCache
from layercache.storage import StorageSource
from tests.storage.trees import digest_of
from tests.web.clients import serving


@asynccontextmanager
async def example(tree: Tree, source: StorageSource) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the example registry from the loop of the test, over *tree* as *source* reads it."""
    app = create_app(source, tree, MemoryCache())
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
