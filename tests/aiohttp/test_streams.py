"""Streams and websockets in aiohttp, behind the middleware: whole, and without an error inside."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from layercache import Context, NotFoundError
from layercache.aiohttp import CONTEXT, context_middleware
from layercache.web.policy import ClientDisconnectedError
from tests.web.clients import asking

Client = TestClient[web.Request, web.Application]
PARTS = [bytes([number]) * 100_000 for number in range(100)]
UPGRADE = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
]


async def stream(request: web.Request) -> web.StreamResponse:
    """Answer in parts."""
    response = web.StreamResponse()
    await response.prepare(request)
    for part in PARTS:
        await response.write(part)
    return response


async def count(request: web.Request) -> web.Response:
    """Count the bytes of the upload."""
    return web.json_response(sum([len(chunk) async for chunk, _ in request.content.iter_chunks()]))


async def fail(request: web.Request) -> web.StreamResponse:
    """Begin an answer, and raise."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"begun")
    raise NotFoundError("sha256:00")


async def fail_in_websocket(request: web.Request) -> web.StreamResponse:
    """Begin a websocket, and raise."""
    await web.WebSocketResponse().prepare(request)
    raise NotFoundError("sha256:00")


@pytest.fixture
def contexts() -> "asyncio.Queue[Context]":
    """The contexts of the websockets that ended."""
    return asyncio.Queue()


@pytest.fixture
async def client(contexts: "asyncio.Queue[Context]") -> AsyncIterator[Client]:
    """A client of the running application."""

    async def echo(request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        try:
            async for message in websocket:
                await websocket.send_json([message.data, request[CONTEXT].deadline])
        finally:
            contexts.put_nowait(request[CONTEXT])
        return websocket

    app = web.Application(middlewares=[context_middleware(seconds=10.0)])
    app.add_routes([web.get("/stream", stream), web.post("/count", count), web.get("/echo", echo)])
    app.add_routes([web.get("/fail", fail), web.get("/fail-in-websocket", fail_in_websocket)])
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_streams_are_whole(client: Client) -> None:
    """A streamed answer arrives whole, and so does a streamed upload."""

    async def parts() -> AsyncIterator[bytes]:
        for part in PARTS:
            yield part

    assert await (await client.get("/stream")).read() == b"".join(PARTS)
    assert await (await client.post("/count", data=parts())).json() == 10_000_000


async def test_websocket(client: Client, contexts: "asyncio.Queue[Context]") -> None:
    """A websocket has a context without a deadline, which ends with it."""
    async with asyncio.timeout(10):
        async with client.ws_connect("/echo") as websocket:
            for text in ("a", "b"):
                await websocket.send_str(text)
                assert await websocket.receive_json() == [text, None]
        assert (await contexts.get()).err() is not None


async def test_websocket_whose_client_hangs_up(client: Client, contexts: "asyncio.Queue[Context]") -> None:
    """A client that hangs up ends the context of its websocket."""
    async with asyncio.timeout(10):
        async with asking(client.port or 0, "GET /echo HTTP/1.1", *UPGRADE) as (reader, _):
            await reader.readuntil(b"\r\n\r\n")
        ctx = await contexts.get()
        await ctx.wait()
    assert isinstance(ctx.cause(), ClientDisconnectedError)


async def test_error_during_an_answer(client: Client) -> None:
    """An error after the answer has begun closes the connection, so the client gets an error too."""
    async with asyncio.timeout(10), asking(client.port or 0, "GET /fail HTTP/1.1") as (reader, _):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        assert (head.startswith(b"HTTP/1.1 200"), body) == (True, b"begun")
    with pytest.raises(aiohttp.ClientPayloadError):
        await (await client.get("/fail")).read()


async def test_error_in_a_websocket(client: Client) -> None:
    """An error after a websocket has begun closes the connection, and sends no HTTP answer."""
    lines = ["GET /fail-in-websocket HTTP/1.1", *UPGRADE]
    async with asyncio.timeout(10), asking(client.port or 0, *lines) as (reader, _):
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.read() == b""
