"""A deletion runs to its end, whatever becomes of its client and however slow the storage is."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest
import registry.depends
import registry_aiohttp
import registry_fastapi
from aiohttp import web
from registry.tree import Tree

from layercache import Context, MemoryCache, background
from layercache.asgi import App, Receive, Scope, Send
from layercache.storage import StorageSource
from layercache.storage.layout import data_path, layer_link_path, revision_link_path, tag_link_path
from tests.storage.trees import digest_of
from tests.web.clients import asking, serving

DIGEST = digest_of(b"{}")
LIMIT = 0.05


class SlowTree(Tree):
    """A tree that deletes when it is told to, or never if it is not waited for."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.is_begun, self.may_go_on, self.has_ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def delete(self, ctx: Context, *paths: str) -> None:
        """Have nothing at *paths*, in the end."""
        self.is_begun.set()
        await ctx.run(self.may_go_on.wait())
        await super().delete(ctx, *paths)
        self.has_ended.set()


@asynccontextmanager
async def on_fastapi(tree: SlowTree, url: str) -> AsyncIterator[int]:
    """The example on FastAPI, over *tree*."""
    async with serving(registry_fastapi.create_app(StorageSource(url), tree, MemoryCache())) as port:
        yield port


@asynccontextmanager
async def on_aiohttp(tree: SlowTree, url: str) -> AsyncIterator[int]:
    """The example on aiohttp, over *tree*; a handler is cancelled when its client hangs up."""
    blobs = registry_aiohttp.Blobs(url, MemoryCache())
    blobs.tree = tree
    runner = web.AppRunner(registry_aiohttp.create_app(blobs), handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port: int = runner.addresses[0][1]
        yield port
    finally:
        await runner.cleanup()


Serving = Callable[[SlowTree, str], AbstractAsyncContextManager[int]]
BLOB, MANIFEST, TAG = f"blobs/{DIGEST}", f"manifests/{DIGEST}", "manifests/1.0"


def shorten(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, have what belongs to a deletion little time; requests have as much as before."""
    monkeypatch.setattr(registry.depends, "QUESTION_SECONDS", LIMIT)
    monkeypatch.setattr(registry_aiohttp, "QUESTION_SECONDS", LIMIT)


@pytest.fixture
async def tree(tmp_path: Path) -> SlowTree:
    """A repository `x` with a blob and a manifest."""
    slow = SlowTree(tmp_path.as_uri())
    await slow.make(background())
    await slow.write(background(), data_path(DIGEST), b"{}")
    for path in (layer_link_path, revision_link_path):
        await slow.write(background(), path("x", DIGEST), DIGEST.encode())
    await slow.write(background(), tag_link_path("x", "1.0"), DIGEST.encode())
    return slow


async def until_late() -> None:
    """Return when the limit of time has passed twice."""
    with background().with_timeout(2 * LIMIT) as ctx:
        await ctx.wait()


DELETIONS = pytest.mark.parametrize(
    ("serve", "path"),
    [(on_fastapi, BLOB), (on_fastapi, MANIFEST), (on_fastapi, TAG), (on_aiohttp, BLOB)],
    ids=["fastapi blob", "fastapi manifest", "fastapi tag", "aiohttp blob"],
)


@DELETIONS
async def test_storage_that_is_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tree: SlowTree, serve: Serving, path: str
) -> None:
    """A deletion that takes longer than the limit is answered when it has ended, and it has deleted."""
    async with (
        asyncio.timeout(10),
        serve(tree, tmp_path.as_uri()) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/v2/x/") as client,
    ):
        shorten(monkeypatch)
        assert (await client.get(path)).status_code == 200
        deletion = asyncio.create_task(client.delete(path))
        await tree.is_begun.wait()
        await until_late()
        assert not deletion.done()
        assert (await client.get(path)).status_code == 200  # It is still there, and that is not remembered.
        tree.may_go_on.set()
        assert (await deletion).status_code == 202
        assert (await client.get(path)).status_code == 404


@DELETIONS
async def test_client_that_hangs_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tree: SlowTree, serve: Serving, path: str
) -> None:
    """A deletion whose client hung up is carried out, and who asked meanwhile has left no stale yes."""
    async with (
        asyncio.timeout(10),
        serve(tree, tmp_path.as_uri()) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/v2/x/") as client,
    ):
        shorten(monkeypatch)
        async with asking(port, f"DELETE /v2/x/{path} HTTP/1.1"):
            await tree.is_begun.wait()
        await until_late()
        assert (await client.get(path)).status_code == 200
        tree.may_go_on.set()
        await tree.has_ended.wait()
        assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize("path", [BLOB, MANIFEST, TAG])
async def test_server_that_gives_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tree: SlowTree, path: str
) -> None:
    """A deletion whose task is cancelled, as uvicorn does when it shuts down, is carried out first."""
    starlette: App = registry_fastapi.create_app(StorageSource(tmp_path.as_uri()), tree, MemoryCache())
    shorten(monkeypatch)
    handlers = list[asyncio.Task[None]]()

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (task := asyncio.current_task()):
            handlers.append(task)
        await starlette(scope, receive, send)

    async with asyncio.timeout(10), serving(noting) as port:
        async with asking(port, f"DELETE /v2/x/{path} HTTP/1.1"):
            await tree.is_begun.wait()
            handlers[0].cancel()
            await until_late()
            tree.may_go_on.set()
            await asyncio.wait(handlers)
        assert tree.has_ended.is_set()
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://127.0.0.1:{port}/v2/x/{path}")).status_code == 404
