"""A FastAPI application: its contexts, its cache, and errors as OCI specifies them."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, WebSocket

from layercache import (
    BackendError,
    BackendUnavailableError,
    CanceledError,
    Context,
    CorruptEntryError,
    DeadlineExceededError,
    InvalidArgumentError,
    LayerCacheError,
    LayerInfoCache,
    MemoryCache,
    NotFoundError,
    ReadThroughCache,
)
from layercache.asgi import Scope
from layercache.fastapi import (
    Cache,
    ContextMiddleware,
    RequestContext,
    add_exception_handlers,
    cache_lifespan,
)
from layercache.testing import SlowSource
from layercache.web.oci import OCIError
from layercache.web.policy import REQUEST_ID, ClientDisconnectedError
from tests.asgi.wire import Server
from tests.web.clients import serving


class ClosingCache(ReadThroughCache):
    """A cache that records whether it was closed."""

    is_closed = False

    def __init__(self) -> None:
        super().__init__(MemoryCache(), SlowSource())

    async def aclose(self) -> None:
        """Close it."""
        self.is_closed = True
        await super().aclose()


def gone() -> CanceledError:
    """The error of a request whose client has disconnected."""
    error = CanceledError()
    error.__cause__ = ClientDisconnectedError()
    return error


ERRORS: dict[str, tuple[Exception, int, str]] = {
    "invalid": (InvalidArgumentError("not a digest"), 400, "UNSUPPORTED"),
    "unknown": (NotFoundError("sha256:00"), 404, "BLOB_UNKNOWN"),
    "gone": (gone(), 499, "UNAVAILABLE"),
    "cancelled": (CanceledError(), 503, "UNAVAILABLE"),
    "late": (DeadlineExceededError(), 504, "UNAVAILABLE"),
    "unavailable": (BackendUnavailableError("down"), 503, "UNAVAILABLE"),
    "corrupt": (CorruptEntryError("key"), 500, "UNKNOWN"),
    "refused": (BackendError("no"), 500, "UNKNOWN"),
    "other": (LayerCacheError("?"), 500, "UNKNOWN"),
    "range": (
        OCIError(416, "RANGE_INVALID", "not there", {"Content-Range": "bytes */0"}),
        416,
        "RANGE_INVALID",
    ),
}

# A store's own message is for the log; the client gets the id of the request, by which it is found there.
MESSAGES = {
    "unavailable": "a store of this registry is unavailable; request abc",
    "corrupt": "corrupt entry: key; request abc",
    "refused": "a store of this registry failed; request abc",
    "other": "a store of this registry failed; request abc",
}


@pytest.fixture
def caches() -> list[ClosingCache]:
    """The caches that were made."""
    return []


@pytest.fixture
def app(caches: list[ClosingCache]) -> FastAPI:
    """An application with middleware, cache and exception handlers."""

    def make() -> LayerInfoCache:
        caches.append(ClosingCache())
        return caches[-1]

    app = FastAPI(lifespan=cache_lifespan(make))
    app.add_middleware(ContextMiddleware, seconds=10.0, timeout_header="X-Timeout")
    add_exception_handlers(app)

    @app.get("/ask")
    async def ask(ctx: RequestContext, cache: Cache) -> dict[str, object]:
        return {
            "has": await cache.contains(ctx, "x", "sha256:00"),
            "ends": ctx.deadline is not None,
            "name": ctx.value(REQUEST_ID),
        }

    @app.get("/fail/{kind}")
    async def fail(kind: str) -> None:
        raise ERRORS[kind][0]

    @app.websocket("/fail")
    async def fail_in_websocket(socket: WebSocket) -> None:
        await socket.accept()
        raise ERRORS["unknown"][0]

    @app.websocket("/echo")
    async def echo(socket: WebSocket, ctx: RequestContext, cache: Cache) -> None:
        await socket.accept()
        async for text in socket.iter_text():
            await socket.send_json([text, await cache.contains(ctx, "x", "sha256:00"), ctx.deadline])

    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application under uvicorn."""
    async with serving(app) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        yield client


async def test_handler_has_context_and_cache(client: httpx.AsyncClient) -> None:
    """A handler that depends on a context and on the cache gets both."""
    answer = await client.get("/ask", headers={"X-Request-Id": "abc"})
    assert answer.json() == {"has": False, "ends": True, "name": "abc"}


async def test_cache_lives_as_long_as_the_application(app: FastAPI, caches: list[ClosingCache]) -> None:
    """Each start of the application makes a cache, which its end closes."""
    for start in (1, 2):
        async with serving(app) as port, httpx.AsyncClient() as client:
            await client.get(f"http://127.0.0.1:{port}/ask")
            assert [cache.is_closed for cache in caches] == [True] * (start - 1) + [False]
    assert [cache.is_closed for cache in caches] == [True, True]


@pytest.mark.parametrize("kind", ERRORS)
async def test_errors_are_answered(client: httpx.AsyncClient, kind: str) -> None:
    """Each error is answered with its status, and a body as OCI specifies it."""
    error, status, code = ERRORS[kind]
    answer = await client.get(f"/fail/{kind}", headers={"X-Request-Id": "abc"})
    expected = {"code": code, "message": MESSAGES.get(kind, str(error)), "detail": None}
    assert (answer.status_code, answer.json()) == (status, {"errors": [expected]})
    assert answer.headers.get("Content-Range") == ("bytes */0" if kind == "range" else None)


async def test_client_without_time(client: httpx.AsyncClient) -> None:
    """A request with a timeout of 0 is answered with 504."""
    answer = await client.get("/ask", headers={"X-Timeout": "0"})
    assert answer.status_code == 504


async def test_websocket(app: FastAPI) -> None:
    """A websocket handler gets the cache, and a context without a deadline."""
    server = Server()
    server.put({"type": "websocket.connect"}, {"type": "websocket.receive", "text": "a"})
    server.put({"type": "websocket.disconnect", "code": 1000})
    scope: Scope = {
        "type": "websocket",
        "path": "/echo",
        "query_string": b"",
        "headers": [],
        "state": {"layercache": MemoryCache()},
    }
    await server.run(app, scope)
    assert [message.get("text") for message in server.sent] == [None, '["a",false,null]']


async def test_error_in_a_websocket(app: FastAPI) -> None:
    """An error in a websocket is passed on to the server, for no HTTP answer can be sent there."""
    server = Server()
    server.put({"type": "websocket.connect"})
    scope: Scope = {"type": "websocket", "path": "/fail", "query_string": b"", "headers": []}
    with pytest.raises(NotFoundError):
        await server.run(app, scope)
    assert [message["type"] for message in server.sent] == ["websocket.accept"]


@pytest.mark.parametrize("need", [RequestContext, Cache], ids=["context", "cache"])
async def test_what_is_missing_is_named(need: type[Context]) -> None:
    """If an application lacks the middleware or the cache, the error names what is missing."""
    app = FastAPI()

    @app.get("/")
    async def ask(needed: need) -> None: ...  # type: ignore[valid-type]  # chosen by the test

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        with pytest.raises(RuntimeError, match=r"there is no|has no"):
            await client.get("/")
