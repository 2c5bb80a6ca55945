"""Clients that announce a body and do not send it: each request has an end."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
import registry.bodies
from registry.tree import Tree
from registry_fastapi import create_app

from layercache import MemoryCache
from layercache.storage import StorageSource
from tests.storage.trees import digest_of
from tests.web.clients import asking, serving

REQUESTS = pytest.mark.parametrize(
    "request_line",
    [
        "PATCH {location}",
        f"PUT {{location}}?digest={digest_of(b'blob')}",
        f"POST /v2/x/blobs/uploads/?digest={digest_of(b'blob')}",
        "PUT /v2/x/manifests/1.0",
    ],
    ids=["PATCH", "PUT", "POST", "manifest"],
)
LENGTH = pytest.mark.parametrize("length", ["Content-Length: 100000", "Transfer-Encoding: chunked"])


async def begun(port: int) -> str:
    """Begin an upload, and return where it goes on."""
    async with asking(port, "POST /v2/x/blobs/uploads/ HTTP/1.1") as (reader, _):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    return next(line.partition(" ")[2] for line in head.split("\r\n") if line.lower().startswith("location:"))


@REQUESTS
@LENGTH
@pytest.mark.parametrize("is_trickle", [False, True], ids=["silence", "trickle"])
async def test_stalled_body(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_line: str, length: str, is_trickle: bool
) -> None:
    """A body that stops, or comes a byte at a time, is answered 408, and its connection is closed."""
    monkeypatch.setattr(registry.bodies, "SILENT_SECONDS", 0.2)
    source, tree = StorageSource(tmp_path.as_uri()), Tree(tmp_path.as_uri())
    async with serving(create_app(source, tree, MemoryCache())) as port, asyncio.timeout(30):
        line = request_line.format(location=await begun(port))
        async with asking(port, f"{line} HTTP/1.1", length) as (reader, writer):
            answer = asyncio.ensure_future(reader.readline())
            while not answer.done():
                if is_trickle:
                    writer.write(b"1\r\nx\r\n" if "chunked" in length else b"x")
                await asyncio.wait([answer], timeout=0.02)
            assert b" 408 " in answer.result()
            with suppress(ConnectionResetError):  # by what was on its way when the server closed
                await reader.read()
    assert not list(tmp_path.rglob("data.*"))


async def test_slow_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that takes longer than one may be silent is heard to its end, if it comes fast enough."""
    monkeypatch.setattr(registry.bodies, "SILENT_SECONDS", 0.2)
    source, tree = StorageSource(tmp_path.as_uri()), Tree(tmp_path.as_uri())
    chunk, count = b"x" * 1_000, 20
    async with serving(create_app(source, tree, MemoryCache())) as port, asyncio.timeout(30):
        line = f"POST /v2/x/blobs/uploads/?digest={digest_of(chunk * count)} HTTP/1.1"
        async with asking(port, line, f"Content-Length: {len(chunk) * count}") as (reader, writer):
            answer = asyncio.ensure_future(reader.readline())
            for _ in range(count):
                writer.write(chunk)
                await asyncio.wait([answer], timeout=0.02)
            assert b" 201 " in await answer
