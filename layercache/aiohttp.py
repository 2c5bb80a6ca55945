"""layercache in aiohttp: a cache for the application, a context for each request (extra: `aiohttp`).

    app = web.Application(middlewares=[context_middleware(seconds=10.0)])
    add_cache(app, lambda: open_cache("redis://…"))

    async def blob(request: web.Request) -> web.Response:
        meta = await request.app[CACHE].stat(request[CONTEXT], repo, dgst)

    web.run_app(app, handler_cancellation=True)

aiohttp tells a handler that its client is gone by cancelling it, if it is
asked to: `handler_cancellation=True`, of `run_app` and of `AppRunner`. Without
that, a storage is asked to the end for a client that left. The brackets
`adding`, `removing` and `forgetting` are left as they should be in either case;
but a deletion that is cancelled costs misses for a while (`removing`), and is
better run to its end in a task of its own.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from layercache.cache import LayerInfoCache
from layercache.context import CancelableContext, Context
from layercache.errors import LayerCacheError
from layercache.web.oci import OCIError, to_oci_error
from layercache.web.policy import (
    REQUEST_SECONDS,
    ClientDisconnectedError,
    RequestPolicy,
    carrying,
    request_id,
)

__all__ = ["CACHE", "CONTEXT", "add_cache", "context_middleware"]

CACHE: web.AppKey[LayerInfoCache] = web.AppKey("layercache", LayerInfoCache)
"""The key under which an application has its cache."""

CONTEXT: web.RequestKey[Context] = web.RequestKey("layercache", Context)
"""The key under which a request has its context, behind `context_middleware`."""


def add_cache(app: web.Application, make: Callable[[], LayerInfoCache]) -> None:
    """Have *app* open a cache when it starts, find it under `CACHE`, and close it when it ends.

    Args:
        app: Not yet started.
        make: Makes the cache.
    """

    async def opened(app: web.Application) -> AsyncIterator[None]:
        async with make() as cache:
            app[CACHE] = cache
            yield

    app.cleanup_ctx.append(opened)


def context_middleware(*, seconds: float = REQUEST_SECONDS, timeout_header: str | None = None) -> Middleware:
    """Return a middleware that gives each request a context, and tells our errors as OCI has it.

    The context ends with the request; if that was cancelled, because the
    client went away, so is the context, and whatever else waits under it. That
    of a request for a websocket has no deadline. An error that comes when the
    response has begun is not told: aiohttp logs it and closes the connection.

    Args:
        seconds: How long what a request asks may take. A body may take longer:
            what is asked after it has come needs a context of its own.
        timeout_header: The header by which a client may ask for less, in
            seconds: `2.5`. None: it may not.
    """
    terms = RequestPolicy(seconds, timeout_header)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        with _begun(terms, headers) as ctx:
            request[CONTEXT] = ctx
            try:
                return await _telling(request, handler)
            except asyncio.CancelledError:
                ctx.cancel(ClientDisconnectedError("the client went away"))
                raise

    return middleware


def _begun(terms: RequestPolicy, headers: Mapping[str, str]) -> CancelableContext:
    if headers.get("upgrade", "").strip().lower() == "websocket":
        return carrying(headers).with_cancel()
    return terms.begin(headers)


async def _telling(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (LayerCacheError, OCIError) as error:
        if request.writer.output_size > 0:  # A second answer would be read as part of the first.
            raise
        if isinstance(error, LayerCacheError):
            refusal = to_oci_error(error, request_id(request[CONTEXT]))
        else:
            refusal = error
    body = json.dumps(refusal.body()).encode()  # json_response would say "charset=utf-8", as JSON need not
    return web.Response(
        body=body, status=refusal.status, headers=refusal.headers, content_type="application/json"
    )
