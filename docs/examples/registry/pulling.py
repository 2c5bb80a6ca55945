"""OCI's first workflow, pull: manifests and blobs.

Whether a repository has a blob, and where that lies, is asked of the cache;
nothing is opened that the cache did not name. A HEAD of a blob is another
question: "may I skip this upload?", and so the storage answers it.
"""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from layercache import CorruptEntryError, Digest
from layercache.asgi import request_context
from layercache.fastapi import RequestContext
from layercache.oci import told
from registry.depends import Manifest, Named, Shared, digest, repository, shared
from registry.oci import is_known, media_type, wanted_part
from registry.timing import timed

router = APIRouter(prefix="/v2")


def described(dgst: Digest, timing: str) -> dict[str, str]:
    """The headers of whatever has a digest."""
    return {"Docker-Content-Digest": dgst, "ETag": f'"{dgst}"', "Server-Timing": timing}


@router.api_route("", methods=["GET", "HEAD"])
@router.api_route("/", methods=["GET", "HEAD"])
async def version() -> Response:
    """Say what this is."""
    return JSONResponse({}, headers={"Docker-Distribution-API-Version": "registry/2.0"})


@router.api_route("/{repo:path}/manifests/{reference}", methods=["GET", "HEAD"])
async def manifest(
    request: Request, registry: Shared, ctx: RequestContext, repo: Named, dgst: Manifest
) -> Response:
    """Serve a manifest. A digest stands for one form of it, so `Accept` is not looked at."""
    with told(404, "MANIFEST_UNKNOWN"):
        meta, timing = await timed(registry.cache.meta(ctx, dgst))
        headers, kind = described(dgst, timing), registry.types.get(dgst)
        is_unchanged = is_known(request.headers, headers["ETag"])
        is_bare = is_unchanged or (request.method == "HEAD" and kind is not None)
        # One byte shows that it is there, and as long as the cache says.
        chunks = await registry.open(ctx, repo, dgst, meta, range(1) if is_bare else None)
        content = b"".join([chunk async for chunk in chunks])
    if is_unchanged:
        return Response(status_code=304, headers=headers)
    if kind is None:
        try:
            kind = media_type(content)
        except (ValueError, RecursionError) as error:
            raise CorruptEntryError(meta.path) from error
        registry.types.note(dgst, kind)
    headers |= {"Content-Type": kind, "Content-Length": str(meta.length)}
    return Response(None if request.method == "HEAD" else content, headers=headers)


async def blob(request: Request) -> Response:
    """Serve a blob, or a part of it; a HEAD opens nothing, and asks the storage unless it was told not to.

    Nothing is asked as often. So it finds for itself what FastAPI would find for it in half of the time that
    the whole answer takes.
    """
    registry, ctx = await shared(request), request_context(request.scope)
    repo = await repository(request.path_params["repo"])
    dgst = await digest(request.path_params["dgst"])
    with told(404, "BLOB_UNKNOWN"):
        is_confirmed = registry.confirms_heads and request.method == "HEAD"
        ask = registry.cache.confirm if is_confirmed else registry.cache.stat
        meta, timing = await timed(ask(ctx, repo, dgst))
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


router.add_route("/v2/{repo:path}/blobs/{dgst}", blob, methods=["GET", "HEAD"])
