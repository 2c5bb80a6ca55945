"""An aiohttp application: its cache, contexts and errors, and clients that hang up."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from layercache import (
    ContextError,
    InvalidArgumentError,
    LayerInfoCache,
    LayerMeta,
    MemoryCache,
    NotFoundError,
    ReadThroughCache,
)
from layercache.aiohttp import CACHE, CONTEXT, add_cache, context_middleware
from layercache.testing import SlowSource
from layercache.web.oci import OCIError
from layercache.web.policy import REQUEST_ID
from tests.web.clients import asking, settled

DGST = "sha256:00"
ERRORS: dict[str, tuple[Exception, int, str]] = {
    "invalid": (InvalidArgumentError("not a digest"), 400, "UNSUPPORTED"),
    "unknown": (NotFoundError(DGST), 404, "BLOB_UNKNOWN"),
    "range": (
        OCIError(416, "RANGE_INVALID", "not there", {"Content-Range": "bytes */0"}),
        416,
        "RANGE_INVALID",
    ),
}
Client = TestClient[web.Request, web.Application]


class Registry:
    """An application, and what happened to its handlers and its cache."""

    def __init__(self) -> None:
        self.source = SlowSource()
        self.source.put("x", DGST, LayerMeta("/data", 1))
        self.ended: asyncio.Queue[ContextError | None] = asyncio.Queue()
        self.is_closed = False
        self.app = web.Application(middlewares=[context_middleware(seconds=10.0, timeout_header="X-Timeout")])
        self.app.add_routes(
            [web.get("/stat", self.stat), web.get("/fail/{kind}", self.fail), web.get("/name", self.name)]
        )
        add_cache(self.app, self.make)

    def make(self) -> LayerInfoCache:
        """A cache that records its `aclose`."""
        registry = self

        class RecordedCache(ReadThroughCache):
            async def aclose(self) -> None:
                registry.is_closed = True
                await super().aclose()

        return RecordedCache(MemoryCache(), self.source)

    async def stat(self, request: web.Request) -> web.Response:
        """A handler that asks the cache, with a helper task that waits under the same context."""
        ctx = request[CONTEXT]
        helper = asyncio.create_task(ctx.wait())
        helper.add_done_callback(lambda _: self.ended.put_nowait(ctx.err()))
        meta = await request.app[CACHE].stat(ctx, "x", DGST)
        return web.json_response(meta.length)

    async def fail(self, request: web.Request) -> web.Response:
        """A handler that raises."""
        raise ERRORS[request.match_info["kind"]][0]

    async def name(self, request: web.Request) -> web.Response:
        """A handler that returns the id of its request."""
        return web.json_response(request[CONTEXT].value(REQUEST_ID))


# A store's own message is for the log; the client gets the id of the request, by which it is found there.
MESSAGES = {
    "unavailable": "a store of this registry is unavailable; request abc",
    "corrupt": "corrupt entry: key; request abc",
    "refused": "a store of this registry failed; request abc",
    "other": "a store of this registry failed; request abc",
}


@pytest.fixture
def registry() -> Registry:
    """An application."""
    return Registry()


@pytest.fixture
async def client(registry: Registry) -> AsyncIterator[Client]:
    """A client of the running application, whose server cancels the handler of a client that leaves."""
    async with TestClient(TestServer(registry.app)) as client:
        yield client


async def test_handler_has_context_and_cache(client: Client, registry: Registry) -> None:
    """A handler finds the cache in its application and a context in its request."""
    answer = await client.get("/stat")
    assert await answer.json() == 1
    assert await registry.ended.get() is not None
    named = await client.get("/name", headers={"X-Request-Id": "abc"})
    assert await named.json() == "abc"


async def test_cache_lives_as_long_as_the_application(registry: Registry) -> None:
    """The cache is closed when the application ends."""
    async with TestServer(registry.app), ClientSession():
        assert not registry.is_closed
    assert registry.is_closed


@pytest.mark.parametrize("kind", ERRORS)
async def test_errors_are_answered(client: Client, kind: str) -> None:
    """Each error is answered with its status, and a body as OCI specifies it."""
    error, status, code = ERRORS[kind]
    answer = await client.get(f"/fail/{kind}", headers={"X-Request-Id": "abc"})
    expected = {"code": code, "message": MESSAGES.get(kind, str(error)), "detail": None}
    assert (answer.status, await answer.json()) == (status, {"errors": [expected]})
    assert answer.headers.get("Content-Range") == ("bytes */0" if kind == "range" else None)


async def test_client_without_time(client: Client) -> None:
    """A request with a timeout of 0 is answered with 504."""
    assert (await client.get("/stat", headers={"X-Timeout": "0"})).status == 504


async def test_storage_call_that_nobody_waits_for(client: Client, registry: Registry) -> None:
    """When the last client has left, the storage is no longer asked, and the helpers' contexts end."""
    registry.source.hold()
    quiet = len(asyncio.all_tasks())
    async with asyncio.timeout(10):
        async with asking(client.port or 0, "GET /stat HTTP/1.1"):
            await registry.source.asked()
        assert await registry.ended.get() is not None
        await settled(quiet)
    registry.source.release()


async def test_those_who_stay_are_answered(client: Client, registry: Registry) -> None:
    """A client that leaves does not affect another client that waits for the same answer."""
    registry.source.hold()
    async with asyncio.timeout(10), asking(client.port or 0, "GET /stat HTTP/1.1") as (staying, _):
        async with asking(client.port or 0, "GET /stat HTTP/1.1"):
            await registry.source.asked()
        await registry.ended.get()
        registry.source.release()
        assert b"200 OK" in await staying.readline()
