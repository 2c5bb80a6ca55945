"""A client that disconnects ends its context; for one that stays, nothing changes."""

import asyncio

import pytest

from layercache import CanceledError, Context
from layercache.asgi import ContextMiddleware, Message, Receive, Scope, Send, request_context
from layercache.web.policy import ClientDisconnectedError
from tests.asgi.wire import GONE, Server, scope_of, turns

START: Message = {"type": "http.response.start", "status": 200, "headers": []}
LAST: Message = {"type": "http.response.body", "body": b"", "more_body": False}
MORE: Message = {"type": "http.response.body", "body": b"x", "more_body": True}


def part(body: bytes, *, more: bool = True) -> Message:
    """A part of a request's body."""
    return {"type": "http.request", "body": body, "more_body": more}


async def test_disconnect_ends_the_context() -> None:
    """When the client disconnects, the handler's context ends, even if the handler receives nothing."""
    server = Server()
    server.put(part(b"", more=False))

    async def wait(scope: Scope, receive: Receive, send: Send) -> None:
        ctx = request_context(scope)
        asyncio.get_running_loop().call_soon(server.put, GONE)
        with pytest.raises(CanceledError) as caught:
            await ctx.run(asyncio.Event().wait())
        assert isinstance(caught.value.__cause__, ClientDisconnectedError)
        assert (await receive(), await receive(), await receive()) == (part(b"", more=False), GONE, GONE)

    await server.run(ContextMiddleware(wait), scope_of())


async def test_server_that_fails() -> None:
    """If the server's `receive` raises, the context ends as if the client had disconnected."""

    async def fail() -> Message:
        raise OSError("broken")

    async def wait(scope: Scope, receive: Receive, send: Send) -> None:
        assert await receive() == GONE
        assert isinstance(request_context(scope).cause(), OSError)

    await ContextMiddleware(wait)(scope_of(), fail, Server().send)


async def test_body_comes_in_order() -> None:
    """A streamed body arrives whole and in order, and then the disconnect."""
    server = Server()
    parts = [part(bytes([number])) for number in range(100)] + [part(b"", more=False)]
    server.put(*parts, GONE)

    async def read(scope: Scope, receive: Receive, send: Send) -> None:
        assert [await receive() for _ in range(102)] == [*parts, GONE]

    await server.run(ContextMiddleware(read), scope_of())


async def test_body_is_read_on_demand() -> None:
    """Of a body that the application does not read, the middleware takes at most two messages."""
    server = Server()
    server.put(*[part(b"x")] * 100)

    async def wait(scope: Scope, receive: Receive, send: Send) -> None:
        await turns(50)
        assert server.received <= 2
        await receive()
        await turns(50)
        assert server.received <= 3

    await server.run(ContextMiddleware(wait), scope_of())


async def test_client_that_waits_to_be_asked() -> None:
    """If the client waits for "100 Continue", nothing is received before the application asks."""
    server = Server()
    server.put(part(b"x", more=False))

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        await turns()
        assert server.received == 0
        assert await receive() == part(b"x", more=False)

    await server.run(ContextMiddleware(refuse), scope_of(expect="100-continue"))


async def test_answer_is_not_an_end() -> None:
    """What a handler does after the whole answer was sent is not cancelled."""
    server = Server()
    server.put(part(b"", more=False))

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        for message in (START, MORE, LAST):
            await send(message)
        await turns()
        assert request_context(scope).err() is None
        await receive()
        assert await receive() == GONE

    await server.run(ContextMiddleware(answer), scope_of())
    assert server.sent == [START, MORE, LAST]


async def test_disconnect_during_the_answer() -> None:
    """A client that disconnects after a part of the answer ends the context as well."""
    server = Server()
    server.put(part(b"", more=False))

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        await send(MORE)
        server.put(GONE)
        await request_context(scope).wait()

    await server.run(ContextMiddleware(answer), scope_of())


async def test_nothing_is_left_behind() -> None:
    """However an application ends, no task of the middleware is left."""
    before = asyncio.all_tasks()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await turns()
        raise LookupError("mine")

    for _ in range(10):
        with pytest.raises(LookupError):
            await Server().run(ContextMiddleware(app), scope_of())
    await turns()
    assert asyncio.all_tasks() == before


async def test_websocket() -> None:
    """A websocket's messages are received when the application asks, and its end ends the context."""
    server = Server()
    messages: list[Message] = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "x"},
        {"type": "websocket.disconnect", "code": 1000},
    ]
    server.put(*messages)
    contexts: list[Context] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await turns()
        assert server.received == 0
        ctx = request_context(scope)
        assert [await receive(), await receive()] == messages[:2]
        assert ctx.err() is None
        assert await receive() == messages[2]
        assert isinstance(ctx.cause(), ClientDisconnectedError)
        contexts.append(ctx)

    await server.run(ContextMiddleware(app), scope_of("websocket"))
    assert len(contexts) == 1
