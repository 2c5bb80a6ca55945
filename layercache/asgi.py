"""A context for each request, in any ASGI application: FastAPI, Starlette, Litestar, Quart.

The server tells that a client is gone only to whoever calls `receive`, and a
handler that waits for the storage does not:

    1  a client asks, the handler asks the storage
    2  the client hangs up                        <- nobody calls `receive`
    3  the storage answers, to nobody

So the middleware calls `receive` itself, in a task beside the application, and
hands on what comes. It reads at most two messages ahead, so that an upload is
held back by the application as before. Where the client waits for `100
Continue`, which the server sends at the first `receive`, it waits for the
application's.

Limit: while an upload lies unread, more than two messages of it, its end is
not seen either.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import cast

from layercache.context import CancelableContext, Context
from layercache.web.policy import REQUEST_SECONDS, ClientDisconnectedError, RequestPolicy, carrying

Scope = MutableMapping[str, object]
Message = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_KEY = "layercache.context"


class ContextMiddleware:
    """Gives each request a context, which `request_context` finds.

    That of an HTTP request has a deadline, ends when the client goes away
    before it was answered, and ends when the application is done with it. That
    of a websocket has no deadline, and ends with the connection; but of a
    client that hung up the server tells only to an application that calls
    `receive`. One that sends, or waits under the context, and does not receive
    has to receive in a task beside.
    """

    def __init__(
        self, app: App, *, seconds: float = REQUEST_SECONDS, timeout_header: str | None = None
    ) -> None:
        """Stand before *app*.

        Args:
            app: An ASGI application.
            seconds: How long what a request asks may take. A body may take
                longer: what is asked after it has come needs a context of its
                own, `ctx.without_cancel().with_timeout(...)`.
            timeout_header: The header by which a client may ask for less, in
                seconds: `2.5`. None: it may not.
        """
        self._app = app
        self._terms = RequestPolicy(seconds, timeout_header)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI has it."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._serve_websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        with self._terms.begin(headers) as ctx:
            scope[_KEY] = ctx
            client = _Client(ctx, receive, send)
            with client.listening(at_once="expect" not in headers):
                await self._app(scope, client.receive, client.send)

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        with carrying(_headers(scope)).with_cancel() as ctx:
            scope[_KEY] = ctx

            async def receive_and_look() -> Message:
                message = await receive()
                if message["type"] == "websocket.disconnect":
                    ctx.cancel(ClientDisconnectedError("the client went away"))
                return message

            await self._app(scope, receive_and_look, send)


def request_context(scope: Mapping[str, object]) -> Context:
    """Return the context of the request that *scope* belongs to: `request.scope`, in most frameworks.

    Raises:
        RuntimeError: The application does not stand behind a `ContextMiddleware`.
    """
    ctx = scope.get(_KEY)
    if not isinstance(ctx, Context):
        raise RuntimeError("there is no ContextMiddleware before this application")  # noqa: TRY004 - not a type
    return ctx


class _Client:
    """The other end of one request: it is listened to, and its end is told to the context."""

    def __init__(self, ctx: CancelableContext, receive: Receive, send: Send) -> None:
        self._ctx = ctx
        self._receive = receive
        self._send = send
        self._ahead: asyncio.Queue[Message] = asyncio.Queue(1)  # and one in the hand of the listener
        self._listener: asyncio.Task[None] | None = None
        self._is_answered = False

    @contextlib.contextmanager
    def listening(self, *, at_once: bool) -> Iterator[None]:
        """Listen for as long as the block takes: from now on, or from the first `receive` in it."""
        if at_once:
            self._listen()
        try:
            yield
        finally:
            if self._listener is not None:
                self._listener.cancel()

    async def receive(self) -> Message:
        """Return the next message, as the server gave it; after the last one, that one again."""
        if self._listener is None:
            self._listen()
        message = await self._ahead.get()
        if message["type"] == "http.disconnect":
            self._ahead.put_nowait(message)
        return message

    async def send(self, message: Message) -> None:
        """Hand *message* on."""
        # The server says "http.disconnect" after the whole answer, too, and then nobody went away.
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._is_answered = True
        await self._send(message)

    def _listen(self) -> None:
        self._listener = asyncio.create_task(self._hear())

    async def _hear(self) -> None:
        is_gone = False
        while not is_gone:
            try:
                message = await self._receive()
            except Exception as error:  # noqa: BLE001 - the application must not wait for ever
                self._ctx.cancel(error)
                message = {"type": "http.disconnect"}
            is_gone = message["type"] == "http.disconnect"
            if is_gone and not self._is_answered:
                self._ctx.cancel(ClientDisconnectedError("the client went away"))
            await self._ahead.put(message)


def _headers(scope: Scope) -> dict[str, str]:
    headers = cast("Iterable[tuple[bytes, bytes]]", scope["headers"])
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
