"""A registry to pull from and to push to, over a tree that any distribution registry may have written.

    python docs/examples/registry_fastapi.py --root /var/lib/docker-registry --port 5000
    python docs/examples/registry_fastapi.py --root … --port 5000 --cache redis://127.0.0.1

Its handlers are in the folder registry/, a file for each workflow of OCI's
distribution-spec: pulling, pushing, discovering, managing. More in
docs/howto/registry.md.
"""

import argparse
import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypedDict

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from registry import discovering, managing, pulling, pushing
from registry.depends import QUESTION_SECONDS, Registry
from registry.expiry import expire_daily
from registry.timing import WhoAnswers, status_page
from registry.tree import Tree
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Route

from layercache import LayerCacheError, LayerInfoCache, ReadThroughCache, background, open_cache
from layercache.fastapi import ContextMiddleware, add_exception_handlers
from layercache.storage import StorageSource
from layercache.web.oci import OCIError

WORKFLOWS = (pulling.router, pushing.router, discovering.router, managing.router)


class State(TypedDict):
    """What each request finds in its state."""

    registry: Registry
    observer: WhoAnswers
    remembered: LayerInfoCache


def create_app(
    source: StorageSource, tree: Tree, remembered: LayerInfoCache, *, confirms_heads: bool = True
) -> FastAPI:
    """Make the registry over a tree, to be read by *source*; what it knows is *remembered*, until it ends.

    A HEAD of a blob asks the storage if *confirms_heads*, else the cache.
    """
    observer = WhoAnswers()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        with background().with_timeout(QUESTION_SECONDS) as ctx:
            await tree.make(ctx)
        async with ReadThroughCache(remembered, source, observer=observer) as cache, expiring(tree):
            registry = Registry(source, tree, cache, confirms_heads)
            yield {"registry": registry, "observer": observer, "remembered": remembered}

    # Not `include_router`: of a router that was included, each request is matched with the routes twice.
    routes = [route for workflow in WORKFLOWS for route in workflow.routes]
    app = FastAPI(routes=routes, lifespan=lifespan, openapi_url=None, redirect_slashes=False)
    app.add_middleware(ContextMiddleware, seconds=QUESTION_SECONDS)
    add_exception_handlers(app)
    app.add_exception_handler(HTTPException, refuse)
    app.add_exception_handler(ClientDisconnect, leave)
    app.add_api_route("/", status)
    return app


@asynccontextmanager
async def expiring(tree: Tree) -> AsyncIterator[None]:
    """Discard old uploads for as long as the block takes."""
    task = asyncio.create_task(expire_daily(tree))
    try:
        yield
    finally:
        task.cancel()


def freeze_heap() -> None:
    """Have the garbage collector pass over what lives as long as the process: modules, routes.

    To look through all of that again is what made the slowest of a hundred requests slow.
    """
    gc.collect()
    gc.freeze()


async def status(request: Request) -> Response:
    """Show a person how the cache does."""
    return HTMLResponse(status_page(request.state.observer, request.state.remembered))


async def refuse(request: Request, error: Exception) -> Response:
    """Tell in the words of the specification that there is no such route, or no such method."""
    assert isinstance(error, HTTPException)
    answer = OCIError(error.status_code, "UNSUPPORTED", error.detail, error.headers)
    headers = dict(answer.headers)
    if error.status_code == 405:
        routes = [route for workflow in WORKFLOWS for route in workflow.routes if isinstance(route, Route)]
        fitting = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
        headers["Allow"] = ", ".join(sorted({method for route in fitting for method in route.methods or ()}))
    return JSONResponse(answer.body(), answer.status, headers)


async def leave(*_: object) -> Response:
    """Say to the log that a client went away before it had sent all."""
    return Response(status_code=499)


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description="A registry to pull from and to push to.")
    parser.add_argument("--root", required=True, help="a directory, or a URL: s3://bucket/prefix")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--cache", default="memory://", help="a URL: memory://, redis://127.0.0.1")
    parser.add_argument(
        "--heads",
        choices=["confirmed", "cached"],
        default="confirmed",
        help="who answers a HEAD of a blob, by which clients skip uploads: the storage, or the cache",
    )
    parser.add_argument("--access-log", action="store_true", help="write a line for each request")
    options = parser.parse_args()
    root = options.root if "://" in options.root else Path(options.root).resolve().as_uri()
    try:
        source, remembered = StorageSource(root), open_cache(options.cache)
        app = create_app(source, Tree(root), remembered, confirms_heads=options.heads == "confirmed")
    except LayerCacheError as error:
        parser.error(str(error))
    freeze_heap()
    uvicorn.run(app, host=options.host, port=options.port, access_log=options.access_log)


if __name__ == "__main__":
    main()
