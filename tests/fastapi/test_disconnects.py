"""FastAPI under uvicorn: requests whose client hangs up, and those of clients that stay."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from layercache import ContextError, LayerMeta, MemoryCache, ReadThroughCache
from layercache.fastapi import (
    Cache,
    ContextMiddleware,
    RequestContext,
    add_exception_handlers,
    cache_lifespan,
)
from layercache.testing import SlowSource
from tests.web.clients import asking, serving, settled

DGST = "sha256:00"


@pytest.fixture
def source() -> SlowSource:
    """A storage that has one blob."""
    source = SlowSource()
    source.put("x", DGST, LayerMeta("/data", 1))
    return source


@pytest.fixture
def ended() -> "asyncio.Queue[ContextError | None]":
    """How the contexts of the handlers ended."""
    return asyncio.Queue()


@pytest.fixture
async def port(source: SlowSource, ended: "asyncio.Queue[ContextError | None]") -> AsyncIterator[int]:
    """The port of an application under uvicorn."""
    app = FastAPI(lifespan=cache_lifespan(lambda: ReadThroughCache(MemoryCache(), source)))
    app.add_middleware(ContextMiddleware, seconds=30.0)
    add_exception_handlers(app)

    @app.get("/stat")
    async def stat(ctx: RequestContext, cache: Cache) -> int:
        try:
            return (await cache.stat(ctx, "x", DGST)).length
        finally:
            ended.put_nowait(ctx.err())

    @app.post("/count")
    async def count(request: Request, ctx: RequestContext) -> int:
        length = sum([len(chunk) async for chunk in request.stream()])
        ended.put_nowait(ctx.err())
        return length

    @app.get("/stream")
    async def stream(ctx: RequestContext) -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            try:
                for _ in range(200):
                    yield bytes(100_000)
            finally:
                ended.put_nowait(ctx.err())

        return StreamingResponse(parts())

    async with serving(app) as port:
        yield port


async def test_storage_call_that_nobody_waits_for(
    port: int, source: SlowSource, ended: "asyncio.Queue[ContextError | None]"
) -> None:
    """When the last client that waits for an answer has hung up, the storage is no longer asked."""
    source.hold()
    quiet = len(asyncio.all_tasks())
    async with asyncio.timeout(10), asking(port, "GET /stat HTTP/1.1"):
        await source.asked()
        assert len(asyncio.all_tasks()) > quiet
    async with asyncio.timeout(10):
        assert await ended.get() is not None
        await settled(quiet)
    source.release()


async def test_those_who_stay_are_answered(
    port: int, source: SlowSource, ended: "asyncio.Queue[ContextError | None]"
) -> None:
    """A client that hangs up does not affect another client that waits for the same answer."""
    source.hold()
    async with asyncio.timeout(10), asking(port, "GET /stat HTTP/1.1") as (staying, _):
        async with asking(port, "GET /stat HTTP/1.1"):
            await source.asked()
        assert await ended.get() is not None
        source.release()
        assert b"200 OK" in await staying.readline()
        assert await ended.get() is None


async def test_streams_are_whole(port: int, ended: "asyncio.Queue[ContextError | None]") -> None:
    """An answer of 20 MB arrives whole, and so does an upload in parts."""
    async with asyncio.timeout(20):
        async with asking(port, "GET /stream HTTP/1.1", "Connection: close") as (reader, _):
            answer = await reader.read()
        assert answer.count(bytes(1000)) >= 20_000
        assert await ended.get() is None
        chunk = b"2710\r\n" + bytes(10_000) + b"\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"POST /count HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(500):
            writer.write(chunk)
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        assert (await reader.read()).endswith(b"5000000")
        writer.close()
        assert await ended.get() is None


async def test_stream_whose_client_hangs_up(port: int, ended: "asyncio.Queue[ContextError | None]") -> None:
    """A client that hangs up during an answer ends its context."""
    async with asyncio.timeout(10):
        async with asking(port, "GET /stream HTTP/1.1") as (reader, _):
            await reader.readexactly(1000)
        assert await ended.get() is not None


async def test_connection_that_is_kept(port: int, ended: "asyncio.Queue[ContextError | None]") -> None:
    """A connection serves one request after another, each with a context of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(10):
        for _ in range(20):
            writer.write(b"GET /stat HTTP/1.1\r\nHost: x\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            assert await reader.readexactly(1) == b"1"
            assert await ended.get() is None
    writer.close()
