"""The context of a request: its deadline, its values, and where it is found."""

import asyncio
import math

import pytest

from layercache import Context
from layercache.asgi import App, ContextMiddleware, Receive, Scope, Send, request_context
from layercache.web.policy import REQUEST_ID, TRACEPARENT
from tests.asgi.wire import Server, scope_of

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"


class Keeper:
    """An application that keeps the context that it was given."""

    def __init__(self) -> None:
        self.ctx: Context | None = None
        self.error: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at the context."""
        self.ctx = request_context(scope)
        self.error = self.ctx.err()


async def given(scope: Scope, seconds: float = 30.0, timeout_header: str | None = None) -> Context:
    """The context that a request of *scope* is given."""
    keeper = Keeper()
    app = ContextMiddleware(keeper, seconds=seconds, timeout_header=timeout_header)
    await Server().run(app, scope)
    assert keeper.ctx is not None
    assert keeper.error is None
    return keeper.ctx


def left(ctx: Context) -> float:
    """How long the context has."""
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
    """A request has as long as the server grants, and less if the client asks for less in sensible words."""
    keeper = Keeper()
    app = ContextMiddleware(keeper, seconds=30.0, timeout_header="X-Timeout")
    await Server().run(app, scope_of(x_timeout=asked))
    assert keeper.ctx is not None
    assert left(keeper.ctx) == pytest.approx(seconds, abs=0.5)


async def test_nobody_asks_if_nobody_may() -> None:
    """Without a header named for it, a client has no say in the deadline."""
    assert left(await given(scope_of(x_timeout="1"))) == pytest.approx(30.0, abs=0.5)


async def test_no_deadline() -> None:
    """A server may grant all the time in the world."""
    assert (await given(scope_of(), seconds=math.inf)).deadline is None


async def test_values() -> None:
    """A context carries what the client calls its request, and the trace that it belongs to."""
    ctx = await given(scope_of(x_request_id="abc-1", traceparent=TRACE))
    assert (ctx.value(REQUEST_ID), ctx.value(TRACEPARENT)) == ("abc-1", TRACE)


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "x" * 129, "\xff"])
@pytest.mark.parametrize("trace", ["", "x", TRACE.upper(), f"00-{'0' * 32}-{'b' * 16}-01", f"ff{TRACE[2:]}"])
async def test_malformed_values(name: str, trace: str) -> None:
    """Of what is malformed nothing is carried, and a request without a name gets one of its own."""
    scope = scope_of(x_request_id=name, traceparent=trace)
    first, second = await given(scope), await given(scope)
    assert first.value(TRACEPARENT) is None
    assert first.value(REQUEST_ID) not in {name, second.value(REQUEST_ID)}


async def test_it_ends_with_the_request() -> None:
    """Once the application is done, so is the context."""
    assert (await given(scope_of())).err() is not None


async def test_websocket_has_no_deadline() -> None:
    """A websocket may last, and its context with it."""
    ctx = await given(scope_of("websocket"), seconds=1.0)
    assert ctx.deadline is None
    assert ctx.err() is not None


async def test_lifespan_is_passed_on() -> None:
    """What is no connection has no context, and is passed on as it is."""
    scope: Scope = {"type": "lifespan"}
    seen: list[tuple[Scope, Receive, Send]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((scope, receive, send))

    server = Server()
    await ContextMiddleware(app)(scope, server.receive, server.send)
    assert seen == [({"type": "lifespan"}, server.receive, server.send)]


def test_without_the_middleware() -> None:
    """Who looks for a context without a middleware is told what is missing."""
    with pytest.raises(RuntimeError, match="ContextMiddleware"):
        request_context(scope_of())


async def test_errors_pass() -> None:
    """What an application raises comes out as it is."""

    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        raise LookupError("mine")

    app: App = ContextMiddleware(fail)
    with pytest.raises(LookupError, match="mine"):
        await Server().run(app, scope_of())
