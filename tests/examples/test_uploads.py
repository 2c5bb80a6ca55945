"""Uploads that end in another way than their client meant: nothing of them is left for ever."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import httpx
import pytest
from registry.expiry import UPLOAD_AGE, expire
from registry.tree import Tree, Upload
from registry_fastapi import create_app

from layercache import Context, MemoryCache, background, parse_repository
from layercache.storage import StorageSource
from layercache.web.oci import OCIError
from tests.storage.trees import digest_of
from tests.web.clients import asking, serving

CONTENT = b"some" * 1_000
REPO = parse_repository("x/y")


def left(folder: Path) -> list[str]:
    """The files of all uploads, also those that the driver does not list."""
    return sorted(file.name for file in folder.rglob("_uploads/*/*"))


async def whole() -> AsyncIterator[bytes]:
    """A body of some chunks."""
    for first in range(0, len(CONTENT), 1_000):
        await asyncio.sleep(0)
        yield CONTENT[first : first + 1_000]


class WatchedTree(Tree):
    """A tree that tells when the first bytes of a body have come."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.has_some = asyncio.Event()

    async def append(self, upload: Upload, chunks: AsyncIterator[bytes]) -> None:
        """Add *chunks* to an upload."""

        async def watched() -> AsyncIterator[bytes]:
            async for chunk in chunks:
                self.has_some.set()
                yield chunk

        await super().append(upload, watched())


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_cancelled_while_more_comes(tmp_path: Path, method: str) -> None:
    """What comes for an upload that another request cancelled meanwhile is refused, and not left behind."""
    tree = WatchedTree(tmp_path.as_uri())
    app = create_app(StorageSource(tmp_path.as_uri()), tree, MemoryCache())
    async with serving(app) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        location = (await client.post("/v2/x/y/blobs/uploads/")).headers["Location"]
        target = f"{location}?digest={digest_of(CONTENT)}"
        async with asking(port, f"{method} {target} HTTP/1.1", f"Content-Length: {len(CONTENT)}") as (
            reader,
            writer,
        ):
            writer.write(CONTENT[:1_000])
            await tree.has_some.wait()
            assert (await client.delete(location)).status_code == 204
            writer.write(CONTENT[1_000:])
            assert b" 404 " in await reader.readline()
        assert (await client.get(f"/v2/x/y/blobs/{digest_of(CONTENT)}")).status_code == 404
    assert left(tmp_path) == []


async def test_all_at_once(tmp_path: Path) -> None:
    """Whatever requests for one upload come at the same time, it is there, or no file of it is."""
    tree, random = Tree(tmp_path.as_uri()), Random(10)
    await tree.make(background())

    async def after(turns: int, kind: str, upload: Upload) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        if kind == "append":
            await tree.append(await tree.find(background(), REPO, upload.name), whole())
        elif kind == "join":
            await tree.join(await tree.find(background(), REPO, upload.name), digest_of(CONTENT))
        else:
            await tree.discard(background(), upload)

    for _ in range(200):
        upload = await tree.begin(background(), REPO)
        await tree.append(upload, whole())
        kinds = [random.choice(["append", "join", "discard"]) for _ in range(4)]
        outcomes = await asyncio.gather(
            *(after(random.randrange(60), kind, upload) for kind in kinds), return_exceptions=True
        )
        assert {type(outcome) for outcome in outcomes} <= {type(None), OCIError}
        files = left(tmp_path)
        assert files == [] or "startedat" in files, kinds
        await tree.discard(background(), upload)
        assert left(tmp_path) == []


async def test_cancelled_between_list_and_deletion(tmp_path: Path) -> None:
    """A part that comes when a cancellation has listed what to delete is refused, and not left behind."""
    has_listed, may_go_on = asyncio.Event(), asyncio.Event()

    class Pausing(Tree):
        async def files(self, ctx: Context, folder: str) -> dict[str, int]:
            found = await super().files(ctx, folder)
            has_listed.set()
            await may_go_on.wait()
            return found

    tree = Pausing(tmp_path.as_uri())
    await tree.make(background())
    upload = await tree.begin(background(), REPO)
    discarding = asyncio.create_task(tree.discard(background(), upload))
    await has_listed.wait()
    with pytest.raises(OCIError, match="no upload"):
        await tree.append(upload, whole())
    may_go_on.set()
    await discarding
    assert left(tmp_path) == []


@pytest.mark.parametrize("outcome", ["is another", "hangs up"])
async def test_single_post_that_fails(tmp_path: Path, outcome: str) -> None:
    """Of a blob that was to come with one POST nothing is left: nobody knows where to go on."""
    tree = WatchedTree(tmp_path.as_uri())
    async with serving(create_app(StorageSource(tmp_path.as_uri()), tree, MemoryCache())) as port:
        head = f"POST /v2/x/y/blobs/uploads/?digest={digest_of(b'other')} HTTP/1.1"
        async with asking(port, head, f"Content-Length: {len(CONTENT)}") as (reader, writer):
            writer.write(CONTENT if outcome == "is another" else CONTENT[:1_000])
            await tree.has_some.wait()
            if outcome == "is another":
                assert b" 400 " in await reader.readline()
    assert left(tmp_path) == []  # The server has ended, and with it all that it did.


def age(folder: Path, name: str, by: timedelta) -> None:
    """Have a file of an upload that was written long ago."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"")
    then = (datetime.now(UTC) - by).timestamp()
    os.utime(folder / name, (then, then))


OLD, NEW = UPLOAD_AGE + timedelta(hours=1), UPLOAD_AGE - timedelta(hours=1)


async def test_uploads_that_nobody_finishes(tmp_path: Path) -> None:
    """Where nothing came for a week all goes, what has no beginning and what a killed process left, too."""
    uploads = tmp_path / "docker/registry/v2/repositories/x/y/_uploads"
    for name in ("startedat", "data.00000000000000000000", "joined.1", "data.00000000000000000007#1"):
        age(uploads / "abandoned", name, OLD)
    age(uploads / "orphan", "data.00000000000000000000", OLD)
    age(uploads / "killed", "data.00000000000000000000#1", OLD)
    age(uploads / "goes-on", "startedat", OLD)
    age(uploads / "goes-on", "data.00000000000000000000", NEW)
    age(uploads / "begins", "startedat", NEW)
    age(uploads / "begins", "data.00000000000000000000#1", NEW)
    age(uploads.with_name("_layers") / "sha256/0", "link", OLD)
    await expire(background(), Tree(tmp_path.as_uri()), datetime.now(UTC) - UPLOAD_AGE)
    assert sorted(file.parent.name for file in uploads.rglob("*.*")) == ["begins", "goes-on"]
    assert len(left(tmp_path)) == 4
    assert sorted(folder.name for folder in uploads.iterdir()) == ["begins", "goes-on"]
    assert (uploads.with_name("_layers") / "sha256/0/link").exists()


async def test_registry_that_starts(tmp_path: Path) -> None:
    """The registry discards old uploads when it starts."""
    is_discarded = asyncio.Event()

    class Telling(Tree):
        async def discard_folder(self, ctx: Context, folder: str) -> None:
            await super().discard_folder(ctx, folder)
            is_discarded.set()

    age(tmp_path / "docker/registry/v2/repositories/x/_uploads/old", "startedat", OLD)
    tree = Telling(tmp_path.as_uri())
    app = create_app(StorageSource(tmp_path.as_uri()), tree, MemoryCache())
    async with asyncio.timeout(10), serving(app):
        await is_discarded.wait()
    assert left(tmp_path) == []
