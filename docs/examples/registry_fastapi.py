"""A registry to pull from, over a tree that any distribution registry wrote.

    python docs/examples/registry_fastapi.py --root /var/lib/docker-registry --port 5000
    python docs/examples/registry_fastapi.py --root … --port 5000 --cache redis://127.0.0.1

Whether a repository has a blob, and where that lies, is asked of the cache;
nothing is opened that the cache did not name. More in docs/howto/registry.md.
"""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from oci import OCIError, failure, is_known, media_type, told, wanted_part
from server_timing import WhoAnswers, timed
from starlette.exceptions import HTTPException

from layercache import (
    Context,
    CorruptEntryError,
    Digest,
    LayerCacheError,
    LayerInfoCache,
    LayerMeta,
    NotFoundError,
    ReadThroughCache,
    Repository,
    background,
    open_cache,
    parse_digest,
    parse_repository,
)
from layercache.storage import StorageSource

QUESTION_SECONDS = 10.0  # for all that is asked before the first byte; a body takes as long as it takes


@dataclass(frozen=True)
class Registry:
    """What the handlers share: the storage, and the cache before it."""

    source: StorageSource
    cache: ReadThroughCache

    async def open(
        self, ctx: Context, repo: str, dgst: str, meta: LayerMeta, part: range | None = None
    ) -> AsyncIterator[bytes]:
        """Open what lies where the cache said; if it does not, the cache is told so."""
        try:
            return await self.source.open(ctx, dgst, meta, part)
        except NotFoundError:
            await self.cache.report_missing(ctx, repo, dgst)
            raise


# ---- what a handler depends on


async def shared(request: Request) -> Registry:
    """The registry that this process serves."""
    registry: Registry = request.state.registry
    return registry


async def bounded() -> AsyncIterator[Context]:
    """The context of all that a request asks."""
    with background().with_timeout(QUESTION_SECONDS) as ctx:
        yield ctx


async def repository(repo: str) -> Repository:
    """The repository in the URL."""
    with told(400, "NAME_INVALID"):
        return parse_repository(repo)


async def digest(dgst: str) -> Digest:
    """The digest in the URL."""
    with told(400, "DIGEST_INVALID"):
        return parse_digest(dgst)


Shared = Annotated[Registry, Depends(shared)]
Bounded = Annotated[Context, Depends(bounded)]
Named = Annotated[Repository, Depends(repository)]
Blob = Annotated[Digest, Depends(digest)]


async def referred(registry: Shared, ctx: Bounded, repo: Named, reference: str) -> Digest:
    """The manifest in the URL, there by its digest or by a tag."""
    with told(404, "MANIFEST_UNKNOWN"):
        dgst = await (digest(reference) if ":" in reference else registry.source.tagged(ctx, repo, reference))
        if dgst is None or not await registry.source.has_manifest(ctx, repo, dgst):
            raise NotFoundError(f"{repo}, {reference}")
        return dgst


Manifest = Annotated[Digest, Depends(referred)]


# ---- the handlers


def described(dgst: Digest, timing: str) -> dict[str, str]:
    """The headers of whatever has a digest."""
    return {"Docker-Content-Digest": dgst, "ETag": f'"{dgst}"', "Server-Timing": timing}


router = APIRouter(prefix="/v2")


@router.api_route("", methods=["GET", "HEAD"])
@router.api_route("/", methods=["GET", "HEAD"])
async def version() -> Response:
    """Say what this is."""
    return JSONResponse({}, headers={"Docker-Distribution-API-Version": "registry/2.0"})


@router.api_route("/{repo:path}/manifests/{reference}", methods=["GET", "HEAD"])
async def manifest(request: Request, registry: Shared, ctx: Bounded, repo: Named, dgst: Manifest) -> Response:
    """Serve a manifest. A digest stands for one form of it, so `Accept` is not looked at."""
    with told(404, "MANIFEST_UNKNOWN"):
        meta, timing = await timed(registry.cache.meta(ctx, dgst))
        content = b"".join([chunk async for chunk in await registry.open(ctx, repo, dgst, meta)])
    headers = described(dgst, timing)
    if is_known(request.headers, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    try:
        return Response(content, headers=headers, media_type=media_type(content))
    except ValueError as error:
        raise CorruptEntryError(meta.path) from error


@router.api_route("/{repo:path}/blobs/{dgst}", methods=["GET", "HEAD"])
async def blob(request: Request, registry: Shared, ctx: Bounded, repo: Named, dgst: Blob) -> Response:
    """Serve a blob, or a part of it; a HEAD opens nothing."""
    with told(404, "BLOB_UNKNOWN"):
        meta, timing = await timed(registry.cache.stat(ctx, repo, dgst))
        headers = described(dgst, timing) | {"Accept-Ranges": "bytes"}
        if is_known(request.headers, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        headers |= {"Content-Type": "application/octet-stream", "Content-Length": str(meta.length)}
        if request.method == "HEAD":
            return Response(headers=headers)
        part = wanted_part(request.headers, headers["ETag"], meta.length)
        chunks = await registry.open(ctx, repo, dgst, meta, part)
    if part is None:
        return StreamingResponse(chunks, headers=headers)
    headers["Content-Length"] = str(len(part))
    headers["Content-Range"] = f"bytes {part[0]}-{part[-1]}/{meta.length}"
    return StreamingResponse(chunks, 206, headers)


# ---- the application


async def refuse(_: Request, error: Exception) -> Response:
    """Tell an error as the specification has it."""
    match error:
        case HTTPException():  # no such route, or no such method
            answer = OCIError(error.status_code, "UNSUPPORTED", error.detail, error.headers)
        case LayerCacheError():
            answer = failure(error)
        case OCIError():
            answer = error
        case _:
            raise error
    return JSONResponse(answer.body(), answer.status, answer.headers)


def create_app(source: StorageSource, remembered: LayerInfoCache) -> FastAPI:
    """Make the registry over *source*; what it says is *remembered*, in a cache that ends with the app."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Registry]]:
        async with ReadThroughCache(remembered, source, observer=WhoAnswers()) as cache:
            yield {"registry": Registry(source, cache)}

    kinds = (HTTPException, LayerCacheError, OCIError)
    app = FastAPI(
        lifespan=lifespan,
        exception_handlers=dict.fromkeys(kinds, refuse),
        openapi_url=None,
        redirect_slashes=False,
    )
    app.include_router(router)
    return app


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description="A registry to pull from.")
    parser.add_argument("--root", required=True, help="a directory, or a URL: s3://bucket/prefix")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--cache", default="memory://", help="a URL: memory://, redis://127.0.0.1")
    options = parser.parse_args()
    root = options.root if "://" in options.root else Path(options.root).resolve().as_uri()
    try:
        app = create_app(StorageSource(root), open_cache(options.cache))
    except LayerCacheError as error:
        parser.error(str(error))
    uvicorn.run(app, host=options.host, port=options.port)


if __name__ == "__main__":
    main()
