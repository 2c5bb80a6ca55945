"""What a HEAD of a manifest costs: not its length."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from registry.tree import Tree
from registry_fastapi import create_app

from layercache import Context, LayerMeta, MemoryCache
from layercache.storage import StorageSource
from layercache.storage.layout import data_path
from tests.examples.registries import INDEX, MANIFEST
from tests.storage.trees import Tree as OtherTree
from tests.storage.trees import digest_of
from tests.web.clients import serving

CONTENT = b'{"schemaVersion": 2}'.ljust(4 * 1024 * 1024)


class Counting(StorageSource):
    """A source that counts the bytes which are read of it."""

    read = 0

    async def open(
        self, ctx: Context, dgst: str, meta: LayerMeta, part: range | None = None
    ) -> AsyncIterator[bytes]:
        """Open a blob."""
        chunks = await super().open(ctx, dgst, meta, part)

        async def counted() -> AsyncIterator[bytes]:
            async for chunk in chunks:
                self.read += len(chunk)
                yield chunk

        return counted()


@pytest.mark.parametrize("was_pushed", [True, False], ids=["pushed", "found"])
async def test_head_of_a_long_manifest(tmp_path: Path, was_pushed: bool) -> None:
    """A manifest that was pushed here is not read for a HEAD, and one that was found in the tree is, once."""
    source = Counting(tmp_path.as_uri())
    if not was_pushed:
        OtherTree(tmp_path.as_uri()).manifest("x", "1.0", CONTENT)
    app = create_app(source, Tree(tmp_path.as_uri()), MemoryCache())
    async with serving(app) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/v2/x/") as client:
        if was_pushed:
            assert (await client.put("manifests/1.0", content=CONTENT)).status_code == 201
        else:
            assert (await client.head("manifests/1.0")).status_code == 200
            assert source.read == len(CONTENT)
        source.read = 0
        for headers in ({}, {"If-None-Match": f'"{digest_of(CONTENT)}"'}, {"If-None-Match": "*"}):
            for method in ("HEAD", "GET") if headers else ("HEAD",):
                answer = await client.request(method, "manifests/1.0", headers=headers)
                assert answer.status_code == (304 if headers else 200)
                if not headers:
                    assert answer.headers["Content-Length"] == str(len(CONTENT))
                    assert answer.headers["Content-Type"] == MANIFEST
        assert source.read < 10
        assert (await client.get("manifests/1.0")).content == CONTENT
        (tmp_path / data_path(digest_of(CONTENT))[1:]).unlink()
        for headers in ({}, {"If-None-Match": "*"}):
            assert (await client.head("manifests/1.0", headers=headers)).status_code == 404


async def test_type_that_is_too_long(tmp_path: Path) -> None:
    """A manifest in the tree that says a type of four megabytes is served with the type that it must have."""
    said = b'{"manifests": [], "mediaType": "application/' + b"x" * 4_000_000 + b'"}'
    OtherTree(tmp_path.as_uri()).manifest("x", "1.0", said)
    app = create_app(StorageSource(tmp_path.as_uri()), Tree(tmp_path.as_uri()), MemoryCache())
    async with serving(app) as port, httpx.AsyncClient() as client:
        for method in ("HEAD", "GET", "HEAD"):
            answer = await client.request(method, f"http://127.0.0.1:{port}/v2/x/manifests/1.0")
            assert answer.headers["Content-Type"] == INDEX
