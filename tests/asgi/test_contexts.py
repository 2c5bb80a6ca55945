"""The context of a request: its deadline, its values, and where a handler finds it."""

import asyncio
import math

import pytest

from layercache import Context
from layercache.asgi import App, ContextMiddleware, Receive, Scope, Send, request_context
from layercache.web.policy import REQUEST_ID, TRACEPARENT
from tests.asgi.wire import Server, scope_of

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"


class Application:
    """An application that keeps the context that it was given."""

    def __init__(self) -> None:
        self.ctx: Context | None = None
        self.error: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at the context."""
        self.ctx = request_context(scope)
        self.error = self.ctx.err()


async def given(scope: Scope, seconds: float = 30.0, timeout_header: str | None = None) -> Context:
    """The context of a request of *scope*."""
    application = Application()
    app = ContextMiddleware(application, seconds=seconds, timeout_header=timeout_header)
    await Server().run(app, scope)
    assert application.ctx is not None
    assert application.error is None
    return application.ctx


def left(ctx: Context) -> float:
    """How many seconds the context has left."""
    return math.inf if ctx.deadline is None else ctx.deadline - asyncio.get_running_loop().time()


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("2.5", 2.5),
        ("0", 0.0),
        ("90", 30.0),
        ("-1", 30.0),
        ("nan", 30.0),
        ("inf", 30.0),
        ("1e3", 30.0),
        ("", 30.0),
        ("\u0662", 30.0),
    ],
)
async def test_deadline(asked: str, seconds: float) -> None:
    """A request has the server's time limit, or less if the client asks for less by a well-formed header."""
    application = Application()
    app = ContextMiddleware(application, seconds=30.0, timeout_header="X-Timeout")
    await Server().run(app, scope_of(x_timeout=asked))
    assert application.ctx is not None
    assert left(application.ctx) == pytest.approx(seconds, abs=0.5)


async def test_the_deadline_is_the_servers_by_default() -> None:
    """Without a `timeout_header`, a client cannot change the deadline."""
    assert left(await given(scope_of(x_timeout="1"))) == pytest.approx(30.0, abs=0.5)


async def test_no_deadline() -> None:
    """A server may set no time limit."""
    assert (await given(scope_of(), seconds=math.inf)).deadline is None


async def test_values() -> None:
    """A context carries the client's request id, and the trace context."""
    ctx = await given(scope_of(x_request_id="abc-1", traceparent=TRACE))
    assert (ctx.value(REQUEST_ID), ctx.value(TRACEPARENT)) == ("abc-1", TRACE)


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "x" * 129, "\xff"])
@pytest.mark.parametrize("trace", ["", "x", TRACE.upper(), f"00-{'0' * 32}-{'b' * 16}-01", f"ff{TRACE[2:]}"])
async def test_malformed_values(name: str, trace: str) -> None:
    """A malformed trace is dropped, and a request with a malformed id gets a new one."""
    scope = scope_of(x_request_id=name, traceparent=trace)
    first, second = await given(scope), await given(scope)
    assert first.value(TRACEPARENT) is None
    assert first.value(REQUEST_ID) not in {name, second.value(REQUEST_ID)}


async def test_it_ends_with_the_request() -> None:
    """The context has ended once the application has returned."""
    assert (await given(scope_of())).err() is not None


async def test_websocket_has_no_deadline() -> None:
    """The context of a websocket has no deadline, and ends with it."""
    ctx = await given(scope_of("websocket"), seconds=1.0)
    assert ctx.deadline is None
    assert ctx.err() is not None


async def test_lifespan_is_passed_on() -> None:
    """A lifespan scope has no context, and is passed on unchanged."""
    scope: Scope = {"type": "lifespan"}
    seen: list[tuple[Scope, Receive, Send]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((scope, receive, send))

    server = Server()
    await ContextMiddleware(app)(scope, server.receive, server.send)
    assert seen == [({"type": "lifespan"}, server.receive, server.send)]


def test_without_the_middleware() -> None:
    """Without the middleware, `request_context` raises an error that names it."""
    with pytest.raises(RuntimeError, match="ContextMiddleware"):
        request_context(scope_of())


async def test_errors_pass() -> None:
    """What an application raises is passed on unchanged."""

    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        raise LookupError("mine")

    app: App = ContextMiddleware(fail)
    with pytest.raises(LookupError, match="mine"):
        await Server().run(app, scope_of())
