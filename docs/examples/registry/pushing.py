"""OCI's second workflow, push: uploads of blobs, mounts, manifests.

What a client does not send is lost if the registry was wrong to say that it
has it. So where a blob is mounted, and where a manifest names blobs that the
client may not have sent, the storage is asked and not the cache: `confirm`.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from layercache import (
    Context,
    Digest,
    InvalidArgumentError,
    LayerMeta,
    NotFoundError,
    Repository,
    parse_digest,
    parse_repository,
)
from layercache.fastapi import RequestContext
from layercache.oci import OCIError, told
from layercache.storage.layout import data_path, layer_link_path, revision_link_path, tag_link_path
from registry.bodies import arriving
from registry.depends import Named, Registry, Shared, digest, finishing
from registry.oci import MAX_MANIFEST_SIZE, Contents, place, read_pushed_manifest, require_length
from registry.tree import ALGORITHMS, Upload, referrer_path, tag_index_path

MAX_TAGS = 20  # in one request
QUESTIONS_AT_ONCE = 16  # a manifest may name tens of thousands of blobs

router = APIRouter(prefix="/v2")


# ---- uploads


async def found(registry: Shared, ctx: RequestContext, repo: Named, upload: str) -> Upload:
    """The upload in the URL."""
    return await registry.tree.find(ctx, repo, upload)


Begun = Annotated[Upload, Depends(found)]


def progress(upload: Upload) -> dict[str, str]:
    """The headers that tell how far an upload is."""
    return {
        "Location": f"/v2/{upload.repo}/blobs/uploads/{upload.name}",
        "Range": f"0-{max(upload.size - 1, 0)}",
        "Docker-Upload-UUID": upload.name,
    }


def created(repo: Repository, dgst: Digest, kind: str = "blobs", **headers: str) -> Response:
    """Tell that *repo* has *dgst* now."""
    headers |= {"Location": f"/v2/{repo}/{kind}/{dgst}", "Docker-Content-Digest": dgst}
    return Response(status_code=201, headers=headers)


@router.post("/{repo:path}/blobs/uploads")
@router.post("/{repo:path}/blobs/uploads/")
async def begin(
    request: Request,
    registry: Shared,
    ctx: RequestContext,
    repo: Named,
    dgst: Annotated[str | None, Query(alias="digest")] = None,
    mount: str | None = None,
    source: Annotated[str | None, Query(alias="from")] = None,
) -> Response:
    """Begin an upload, unless the blob comes along, or another repository has it."""
    if mount and source and await mounted(registry, ctx, repo, mount, source):
        return created(repo, parse_digest(mount))
    whole = None if dgst is None else await digest(dgst)
    upload = await registry.tree.begin(ctx, repo)
    if whole is None:
        return Response(status_code=202, headers=progress(upload))
    try:
        return await finish(request, registry, ctx, upload, whole)
    except Exception:  # Nobody was told where it lies, so nobody comes back to it.
        with finishing(ctx) as rest:
            await registry.tree.discard(rest, upload)
        raise


async def mounted(registry: Registry, ctx: Context, repo: Repository, mount: str, source: str) -> bool:
    """Link the blob *mount* to *repo* if the repository *source* has it; else nothing is told of it.

    What is malformed, no repository has. The client then sends the blob, as the specification wants it.
    """
    try:
        owner, dgst = parse_repository(source), parse_digest(mount)
        meta = await registry.cache.confirm(ctx, owner, dgst)
        with finishing(ctx) as rest:
            async with registry.cache.adding(rest, repo, dgst, meta):
                # Once more: it may have been swept before `adding` took its lease.
                await registry.cache.confirm(rest, owner, dgst)
                await registry.tree.write(rest, layer_link_path(repo, dgst), dgst.encode())
    except (NotFoundError, InvalidArgumentError):
        return False
    return True


@router.get("/{repo:path}/blobs/uploads/{upload}")
async def status(begun: Begun) -> Response:
    """Tell how far an upload is."""
    return Response(status_code=204, headers=progress(begun))


@router.patch("/{repo:path}/blobs/uploads/{upload}")
async def chunk(request: Request, registry: Shared, ctx: RequestContext, begun: Begun) -> Response:
    """Take one chunk of an upload, which must begin where the last one ended."""
    return Response(status_code=202, headers=progress(await appended(request, registry, ctx, begun)))


@router.put("/{repo:path}/blobs/uploads/{upload}")
async def end(
    request: Request,
    registry: Shared,
    ctx: RequestContext,
    begun: Begun,
    dgst: Annotated[str, Query(alias="digest")] = "",
) -> Response:
    """Take what is left of an upload, and keep all of it as a blob."""
    return await finish(request, registry, ctx, begun, await digest(dgst))


@router.delete("/{repo:path}/blobs/uploads/{upload}")
async def cancel(registry: Shared, ctx: RequestContext, begun: Begun) -> Response:
    """Forget an upload."""
    with finishing(ctx) as rest:
        await registry.tree.discard(rest, begun)
    return Response(status_code=204)


async def appended(request: Request, registry: Registry, ctx: Context, upload: Upload) -> Upload:
    """The upload, with the body of the request."""
    told_place = place(request.headers)
    if told_place is not None and told_place.start != upload.size:
        raise OCIError(416, "BLOB_UPLOAD_INVALID", f"{upload.size} bytes came so far", progress(upload))
    chunks = arriving(request.stream())
    if told_place is not None:
        chunks = require_length(chunks, len(told_place))
    await registry.tree.append(upload, chunks)
    with finishing(ctx) as rest:
        return await registry.tree.find(rest, upload.repo, upload.name)


async def finish(
    request: Request, registry: Registry, ctx: Context, upload: Upload, dgst: Digest
) -> Response:
    """Keep an upload, with the body of the request, as the blob *dgst*."""
    repo = upload.repo
    upload = await appended(request, registry, ctx, upload)
    try:
        joined, length = await registry.tree.join(upload, dgst)
    except OCIError:
        with finishing(ctx) as rest:
            await registry.tree.discard(rest, upload)
        raise
    with finishing(ctx) as rest:
        async with registry.cache.adding(rest, repo, dgst, LayerMeta(data_path(dgst), length)):
            with told(404, "BLOB_UPLOAD_UNKNOWN"):  # Another request finished it, or discarded it.
                await registry.tree.move(rest, joined, data_path(dgst))
            await registry.tree.write(rest, layer_link_path(repo, dgst), dgst.encode())
        await registry.tree.discard(rest, upload)
    return created(repo, dgst)


# ---- manifests


@router.put("/{repo:path}/manifests/{reference}")
async def manifest(
    request: Request,
    registry: Shared,
    ctx: RequestContext,
    repo: Named,
    reference: str,
    tag: Annotated[list[str] | None, Query()] = None,
) -> Response:
    """Keep a manifest, under a tag, or by its digest and any tags, if all is there that it is made of."""
    content = await body(arriving(request.stream()))
    is_digest = ":" in reference
    dgst = await digest(reference) if is_digest else digest_of(content, "sha256")
    tags = (tag or []) if is_digest else [reference]
    if len(tags) > MAX_TAGS:
        raise OCIError(414, "UNSUPPORTED", f"more than {MAX_TAGS} tags at once")
    if digest_of(content, dgst.algorithm) != dgst:
        raise OCIError(400, "DIGEST_INVALID", f"what came is not {dgst}")
    contents = read_pushed_manifest(dgst, content, request.headers.get("Content-Type", ""))
    with finishing(ctx) as rest:
        await require_parts(registry, rest, repo, contents)
        await keep(registry, rest, repo, dgst, tags, content, contents.subject)
    registry.types.note(dgst, contents.media_type)
    subject = {} if contents.subject is None else {"OCI-Subject": contents.subject}
    answer = created(repo, dgst, "manifests", **subject)
    for name in tags:
        answer.headers.append("OCI-Tag", name)
    return answer


async def body(chunks: AsyncIterator[bytes]) -> bytes:
    """The whole body of a request, if it is no longer than a manifest may be."""
    content = bytearray()
    async for some in chunks:
        content += some
        if len(content) > MAX_MANIFEST_SIZE:
            raise OCIError(413, "MANIFEST_INVALID", f"longer than {MAX_MANIFEST_SIZE} bytes")
    return bytes(content)


def digest_of(content: bytes, algorithm: str) -> Digest:
    """The digest of *content*."""
    if algorithm not in ALGORITHMS:
        raise OCIError(400, "DIGEST_INVALID", f"not known here: {algorithm[:100]}")
    return parse_digest(f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}")


async def require_parts(registry: Registry, ctx: Context, repo: Repository, contents: Contents) -> None:
    """Hold a manifest to what *repo* has: its blobs, or what it lists.

    An index lists manifests, or blobs: BuildKit keeps its cache so.
    """
    with told(404, "MANIFEST_BLOB_UNKNOWN"):
        for first in range(0, len(contents.blobs), QUESTIONS_AT_ONCE):
            blobs = contents.blobs[first : first + QUESTIONS_AT_ONCE]
            await asyncio.gather(*(registry.cache.confirm(ctx, repo, blob) for blob in blobs))
        for dgst in contents.manifests:
            if not await registry.source.has_manifest(ctx, repo, dgst):
                await registry.cache.confirm(ctx, repo, dgst)


async def keep(
    registry: Registry,
    ctx: Context,
    repo: Repository,
    dgst: Digest,
    tags: list[str],
    content: bytes,
    subject: Digest | None,
) -> None:
    """Write a manifest, and only then what leads to it."""
    with told(400, "MANIFEST_INVALID"):
        links = [(tag_index_path(repo, tag, dgst), tag_link_path(repo, tag)) for tag in tags]
        referrers = []
        if subject is not None:
            revision_link_path(repo, subject)  # It has to be short enough for the name of a file.
            referrers.append(referrer_path(repo, subject, dgst))
    await registry.tree.require(ctx)
    await registry.tree.write(ctx, data_path(dgst), content)
    for path in (revision_link_path(repo, dgst), *referrers, *chain.from_iterable(links)):
        await registry.tree.write(ctx, path, dgst.encode())
