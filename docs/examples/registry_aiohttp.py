"""The blobs of a registry on aiohttp: HEAD, GET and DELETE, over a tree that any distribution registry wrote.

    python docs/examples/registry_aiohttp.py --root /var/lib/docker-registry --port 5000 --cache redis://127.0.0.1

The whole registry is in registry_fastapi.py; this is how the same is asked from aiohttp.
"""

import argparse
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web
from registry.oci import is_known, wanted_part
from registry.timing import WhoAnswers, timed
from registry.tree import Tree

from layercache import (
    Context,
    Digest,
    LayerCacheError,
    LayerInfoCache,
    LayerMeta,
    NotFoundError,
    ReadThroughCache,
    Repository,
    open_cache,
    parse_digest,
    parse_repository,
)
from layercache.aiohttp import CONTEXT, add_cache, context_middleware
from layercache.oci import told
from layercache.shield import finish
from layercache.storage import StorageSource
from layercache.storage.layout import layer_link_path

QUESTION_SECONDS = 10.0


class Blobs:
    """The handlers, and what they share."""

    def __init__(self, root: str, remembered: LayerInfoCache, *, confirms_heads: bool = True) -> None:
        """Serve the tree below *root*, a URL; what is known of it is *remembered*.

        A HEAD asks the storage if *confirms_heads*, else the cache.
        """
        self.confirms_heads = confirms_heads
        self.source = StorageSource(root)
        self.tree = Tree(root)
        self.cache = ReadThroughCache(remembered, self.source, observer=WhoAnswers())

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Serve a blob, or a part of it; a HEAD opens nothing."""
        ctx, (repo, dgst) = request[CONTEXT], named(request)
        with told(404, "BLOB_UNKNOWN"):
            is_confirmed = self.confirms_heads and request.method == "HEAD"
            ask = self.cache.confirm if is_confirmed else self.cache.stat
            meta, timing = await timed(ask(ctx, repo, dgst))
        etag = f'"{dgst}"'
        headers = {
            "Docker-Content-Digest": dgst,
            "ETag": etag,
            "Server-Timing": timing,
            "Accept-Ranges": "bytes",
        }
        if is_known(request.headers, etag):
            return web.Response(status=304, headers=headers)
        headers |= {"Content-Type": "application/octet-stream", "Content-Length": str(meta.length)}
        if request.method == "HEAD":
            return web.Response(headers=headers)
        part = wanted_part(request.headers, etag, meta.length)
        with told(404, "BLOB_UNKNOWN"):
            chunks = await self.open(ctx, repo, dgst, meta, part)
        if part is not None:
            headers["Content-Length"] = str(len(part))
            headers["Content-Range"] = f"bytes {part[0]}-{part[-1]}/{meta.length}"
        response = web.StreamResponse(status=200 if part is None else 206, headers=headers)
        await response.prepare(request)
        async for chunk in chunks:
            await response.write(chunk)
        return response

    async def open(
        self, ctx: Context, repo: str, dgst: str, meta: LayerMeta, part: range | None
    ) -> AsyncIterator[bytes]:
        """Open what lies where the cache said; if it does not, the cache is told so."""
        try:
            return await self.source.open(ctx, dgst, meta, part)
        except NotFoundError:
            await self.cache.report_missing(ctx, repo, dgst)
            raise

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a blob from a repository: to the end, once it was begun, though the client hangs up."""
        repo, dgst = named(request)
        with told(404, "BLOB_UNKNOWN"):
            await self.cache.confirm(request[CONTEXT], repo, dgst)
        await finish(self.unlink(request[CONTEXT].without_cancel(), repo, dgst))
        return web.Response(status=202)

    async def unlink(self, ctx: Context, repo: str, dgst: str) -> None:
        """Have no *dgst* in *repo*: the telling has a time limit, the storage takes what it takes."""
        with ctx.with_timeout(QUESTION_SECONDS) as telling:
            async with self.cache.removing(telling, repo, dgst):
                await self.tree.delete(ctx, layer_link_path(repo, dgst))


def named(request: web.Request) -> tuple[Repository, Digest]:
    """The repository and the digest in the URL."""
    with told(400, "NAME_INVALID"):
        repo = parse_repository(request.match_info["repo"])
    with told(400, "DIGEST_INVALID"):
        return repo, parse_digest(request.match_info["dgst"])


def create_app(blobs: Blobs) -> web.Application:
    """Make the application that serves *blobs*."""
    app = web.Application(middlewares=[context_middleware(seconds=QUESTION_SECONDS)])
    add_cache(app, lambda: blobs.cache)
    app.router.add_get("/v2/{repo:.+}/blobs/{dgst}", blobs.get)
    app.router.add_delete("/v2/{repo:.+}/blobs/{dgst}", blobs.delete)
    return app


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description="The blobs of a registry.")
    parser.add_argument("--root", required=True, help="a directory, or a URL: s3://bucket/prefix")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--cache", default="memory://", help="a URL: memory://, redis://127.0.0.1")
    parser.add_argument(
        "--heads",
        choices=["confirmed", "cached"],
        default="confirmed",
        help="who answers a HEAD, by which clients skip uploads: the storage, or the cache",
    )
    options = parser.parse_args()
    root = options.root if "://" in options.root else Path(options.root).resolve().as_uri()
    try:
        remembered, confirms_heads = open_cache(options.cache), options.heads == "confirmed"
        app = create_app(Blobs(root, remembered, confirms_heads=confirms_heads))
    except LayerCacheError as error:
        parser.error(str(error))
    web.run_app(app, host=options.host, port=options.port, handler_cancellation=True)


if __name__ == "__main__":
    main()
