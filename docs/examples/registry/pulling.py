"""OCI's first workflow, pull: manifests and blobs.

Whether a repository has a blob, and where that lies, is asked of the cache;
nothing is opened that the cache did not name.
"""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from layercache import CorruptEntryError, Digest
from layercache.fastapi import RequestContext
from layercache.oci import told
from registry.depends import Blob, Manifest, Named, Shared
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
        content = b"".join([chunk async for chunk in await registry.open(ctx, repo, dgst, meta)])
    headers = described(dgst, timing)
    if is_known(request.headers, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    try:
        return Response(content, headers=headers, media_type=media_type(content))
    except (ValueError, RecursionError) as error:
        raise CorruptEntryError(meta.path) from error


@router.api_route("/{repo:path}/blobs/{dgst}", methods=["GET", "HEAD"])
async def blob(request: Request, registry: Shared, ctx: RequestContext, repo: Named, dgst: Blob) -> Response:
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
