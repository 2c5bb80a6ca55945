"""layercache in FastAPI: types to depend on, a lifespan, and errors as OCI has them (extra: `fastapi`).

app = FastAPI(lifespan=cache_lifespan(lambda: open_cache("redis://…")))
app.add_middleware(ContextMiddleware, seconds=10.0)
add_exception_handlers(app)

@app.head("/v2/{repo:path}/blobs/{dgst}")
async def blob(ctx: RequestContext, cache: Cache, repo: str, dgst: str) -> Response:
    meta = await cache.stat(ctx, repo, dgst)
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Response
from fastapi.responses import JSONResponse
from starlette.requests import HTTPConnection

from layercache.asgi import ContextMiddleware, request_context
from layercache.cache import LayerInfoCache
from layercache.context import Context
from layercache.errors import LayerCacheError
from layercache.web.oci import OCIError, to_oci_error
from layercache.web.policy import request_id

__all__ = [
    "Cache",
    "ContextMiddleware",
    "RequestContext",
    "add_exception_handlers",
    "cache_lifespan",
]

_STATE = "layercache"


async def _context(connection: HTTPConnection) -> Context:
    return request_context(connection.scope)


async def _cache(connection: HTTPConnection) -> LayerInfoCache:
    cache = getattr(connection.state, _STATE, None)
    if not isinstance(cache, LayerInfoCache):
        raise RuntimeError("the application has no cache_lifespan")  # noqa: TRY004 - not a type
    return cache


RequestContext = Annotated[Context, Depends(_context)]
"""The context of the request, or of the websocket; it needs `ContextMiddleware`."""

Cache = Annotated[LayerInfoCache, Depends(_cache)]
"""The cache of the application; it needs `cache_lifespan`."""


def cache_lifespan(
    make: Callable[[], LayerInfoCache],
) -> Callable[[FastAPI], AbstractAsyncContextManager[dict[str, LayerInfoCache]]]:
    """Return a lifespan that opens a cache when the application starts, and closes it when it ends.

    Args:
        make: Makes the cache, anew for each start.

    Within a lifespan of your own, enter this one and add what it yields to
    your state: `async with cache_lifespan(make)(app) as state: yield state | {...}`.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, LayerInfoCache]]:
        async with make() as cache:
            yield {_STATE: cache}

    return lifespan


def add_exception_handlers(app: FastAPI) -> None:
    """Have *app* answer `OCIError` and every error of this library with an OCI error body.

    The status of an error of ours, and what is told of it, is that of
    `layercache.web.oci.to_oci_error`, which names the request as its context does. A
    websocket is not answered: there the error goes on to the server, which
    logs it and closes the connection.
    """
    app.add_exception_handler(LayerCacheError, _refuse)
    app.add_exception_handler(OCIError, _refuse)


async def _refuse(connection: HTTPConnection, error: Exception) -> Response:
    if connection.scope["type"] == "websocket":
        raise error
    if isinstance(error, LayerCacheError):
        error = to_oci_error(error, _request_id(connection))
    if not isinstance(error, OCIError):
        raise error
    return JSONResponse(error.body(), error.status, error.headers)


def _request_id(connection: HTTPConnection) -> str:
    try:
        return request_id(request_context(connection.scope))
    except RuntimeError:  # There need be no ContextMiddleware to have errors told.
        return ""
