"""Litestar and Quart under uvicorn, behind the middleware: requests have contexts, and lose nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import cast

import httpx
import litestar
import litestar.datastructures
import litestar.response
import pytest
import quart

from layercache import Context
from layercache.asgi import App, ContextMiddleware, request_context
from layercache.web.policy import ClientDisconnectedError
from tests.web.clients import asking, serving

Causes = asyncio.Queue[BaseException | None]
PARTS = [bytes([number]) * 10_000 for number in range(100)]


async def wait(ctx: Context, causes: Causes) -> None:
    """Put the cause of *ctx* into *causes*: None now, and once more when it has ended."""
    causes.put_nowait(ctx.cause())
    try:
        await ctx.run(asyncio.Event().wait())
    finally:
        causes.put_nowait(ctx.cause())


async def stream(ctx: Context, causes: Causes) -> AsyncIterator[bytes]:
    """Yield all parts, and then wait."""
    for part in PARTS:
        yield part
    await wait(ctx, causes)


def left(ctx: Context) -> str:
    """How many seconds *ctx* has left."""
    assert ctx.deadline is not None
    return str(round(ctx.deadline - asyncio.get_running_loop().time()))


Request = litestar.Request[object, object, litestar.datastructures.State]
Socket = litestar.WebSocket[object, object, litestar.datastructures.State]


def in_litestar(causes: Causes) -> object:
    """An application of Litestar."""

    @litestar.get("/left", media_type="text/plain")
    async def get_left(request: Request) -> str:
        return left(request_context(request.scope))

    @litestar.get("/wait")
    async def get_wait(request: Request) -> None:
        await wait(request_context(request.scope), causes)

    @litestar.post("/count", media_type="text/plain")
    async def count(request: Request) -> str:
        return str(sum([len(chunk) async for chunk in request.stream()]))

    @litestar.get("/stream")
    async def get_stream(request: Request) -> litestar.response.Stream:
        return litestar.response.Stream(stream(request_context(request.scope), causes))

    @litestar.websocket("/echo")
    async def echo(socket: Socket) -> None:
        await socket.accept()
        await socket.send_text(await socket.receive_text())
        try:
            await socket.receive_text()
        finally:
            causes.put_nowait(request_context(socket.scope).cause())

    return litestar.Litestar([get_left, get_wait, count, get_stream, echo], openapi_config=None)


def in_quart(causes: Causes) -> object:
    """The same application of Quart."""
    app = quart.Quart(__name__)

    @app.get("/left")
    async def get_left() -> str:
        return left(request_context(quart.request.scope))

    @app.get("/wait")
    async def get_wait() -> str:
        await wait(request_context(quart.request.scope), causes)
        return ""

    @app.post("/count")
    async def count() -> str:
        return str(sum([len(chunk) async for chunk in quart.request.body]))

    @app.get("/stream")
    async def get_stream() -> AsyncIterator[bytes]:
        return stream(request_context(quart.request.scope), causes)

    @app.websocket("/echo")
    async def echo() -> None:
        await quart.websocket.send(await quart.websocket.receive())
        try:
            await quart.websocket.receive()
        finally:
            causes.put_nowait(request_context(quart.websocket.scope).cause())

    return app


@pytest.fixture
def causes() -> Causes:
    """Why the contexts of the handlers ended."""
    return asyncio.Queue()


@pytest.fixture(params=[in_litestar, in_quart], ids=["litestar", "quart"])
async def port(request: pytest.FixtureRequest, causes: Causes) -> AsyncIterator[int]:
    """The port of an application under uvicorn."""
    make = cast("Callable[[Causes], object]", request.param)
    app = cast(
        "App", make(causes)
    )  # Each framework has a type of its own for a scope, which is a dictionary.
    async with serving(ContextMiddleware(app, seconds=30.0)) as port:
        yield port


async def test_deadline(port: int) -> None:
    """A request has a context with the deadline of the middleware."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        assert (await client.get("/left")).text == "30"


async def test_client_that_goes_away(port: int, causes: Causes) -> None:
    """When the client hangs up, the context ends, while the handler waits for something else."""
    async with asking(port, "GET /wait HTTP/1.1"):
        assert await causes.get() is None
    assert isinstance(await causes.get(), ClientDisconnectedError)


async def test_streamed_request(port: int) -> None:
    """A streamed upload arrives whole."""

    async def body() -> AsyncIterator[bytes]:
        for part in PARTS:
            yield part

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        assert (await client.post("/count", content=body())).text == "1000000"


async def test_streamed_answer(port: int, causes: Causes) -> None:
    """A streamed answer arrives, and its context ends when the client hangs up before the end."""
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
        client.stream("GET", "/stream") as answer,
    ):
        received = b""
        async for chunk in answer.aiter_bytes():
            received += chunk
            if len(received) == 1_000_000:
                break
        assert received == b"".join(PARTS)
        assert await causes.get() is None
    assert isinstance(await causes.get(), ClientDisconnectedError)


async def test_websocket(port: int, causes: Causes) -> None:
    """A websocket passes messages both ways, and its context ends with it."""
    async with asking(
        port,
        "GET /echo HTTP/1.1",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ) as (reader, writer):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        writer.write(b"\x81\x85" + bytes(4) + b"hello")  # RFC 6455: one text, masked by zeros
        assert await reader.readexactly(7) == b"\x81\x05hello"
    assert isinstance(await causes.get(), ClientDisconnectedError)
