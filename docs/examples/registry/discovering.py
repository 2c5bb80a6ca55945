"""OCI's third workflow, content discovery: which tags are there, and what is about a manifest."""

import json
from contextlib import suppress
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from layercache import Context, Digest, InvalidArgumentError, NotFoundError, Repository, parse_digest
from layercache.fastapi import RequestContext
from layercache.storage.layout import is_of_a_registry
from layercache.web.oci import OCIError
from registry.depends import Blob, Named, Registry, Shared
from registry.oci import MAX_MANIFEST_SIZE, OCI_INDEX, Descriptor, read_manifest, referrers_tag
from registry.tree import referrers_folder, tags_folder

router = APIRouter(prefix="/v2")
LINK = "/current/link"
MAX_REFERRERS = 100  # in one page


@router.get("/{repo:path}/tags/list")
async def tags(
    registry: Shared, ctx: RequestContext, repo: Named, n: str | None = None, last: str = ""
) -> Response:
    """List the tags in their order: *n* of them at most, those after *last*."""
    if n is not None and not (n.isascii() and n.isdigit() and len(n) < 10):
        raise OCIError(400, "UNSUPPORTED", f"not a number of tags: {n[:100]}")
    names = await tags_of(registry, ctx, repo)
    if not names and not await registry.tree.has_repository(ctx, repo):
        raise OCIError(404, "NAME_UNKNOWN", f"nothing was pushed to {repo}")
    rest = [name for name in names if name > last]
    page = rest if n is None else rest[: int(n)]
    is_last = len(page) in {0, len(rest)}
    headers = {} if is_last else {"Link": f'</v2/{repo}/tags/list?n={n}&last={page[-1]}>; rel="next"'}
    return JSONResponse({"name": repo, "tags": page}, headers=headers)


async def tags_of(registry: Registry, ctx: Context, repo: Repository) -> list[str]:
    """All tags of *repo*, sorted."""
    folder = tags_folder(repo)
    files = await registry.tree.files(ctx, folder)
    links = [file for file in files if file.endswith(LINK) and is_of_a_registry(f"{folder}/{file}")]
    return sorted(link.removesuffix(LINK) for link in links)


@router.get("/{repo:path}/referrers/{dgst}")
async def referrers(
    registry: Shared,
    ctx: RequestContext,
    repo: Named,
    dgst: Blob,
    artifact_type: Annotated[str | None, Query(alias="artifactType")] = None,
    last: str = "",
) -> Response:
    """List the manifests that are about *dgst*, which need not be there itself: a page, after *last*."""
    rest = [found for found in await about(registry, ctx, repo, dgst) if found > last]
    manifests, looked_at = await page(registry, ctx, repo, dgst, rest)
    headers = {}
    if artifact_type is not None:
        manifests = [item for item in manifests if item.get("artifactType") == artifact_type]
        headers["OCI-Filters-Applied"] = "artifactType"
    if looked_at < len(rest):
        asked = {} if artifact_type is None else {"artifactType": artifact_type}
        query = urlencode(asked | {"last": rest[looked_at - 1]})
        headers["Link"] = f'</v2/{repo}/referrers/{dgst}?{query}>; rel="next"'
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
    content = json.dumps(index, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    return Response(content, headers=headers, media_type=OCI_INDEX)


async def page(
    registry: Registry, ctx: Context, repo: Repository, subject: Digest, rest: list[Digest]
) -> tuple[list[Descriptor], int]:
    """What describes the first of *rest*, and at how many of them it was looked.

    A page ends after so many, or before the manifest that would make it more than `MAX_MANIFEST_SIZE` bytes
    to read; they are read one at a time. So neither the answer nor what it takes to make it grows with what
    others pushed.
    """
    found, size = list[Descriptor](), 0
    for looked_at, dgst in enumerate(rest[:MAX_REFERRERS]):
        content = await manifest(registry, ctx, repo, dgst)
        size += len(content)
        if looked_at > 0 and size > MAX_MANIFEST_SIZE:
            return found, looked_at
        found += described(dgst, content, subject)
    return found, min(len(rest), MAX_REFERRERS)


async def about(registry: Registry, ctx: Context, repo: Repository, subject: Digest) -> list[Digest]:
    """What may be about *subject*, in order: by our links, or by a tag that clients keep for themselves."""
    links = await registry.tree.files(ctx, referrers_folder(repo, subject))
    found: list[Digest] = []
    for link in links:
        with suppress(InvalidArgumentError):  # A stray is about nothing.
            found.append(parse_digest(":".join(link.split("/")[:2])))
    listing = await registry.source.tagged(ctx, repo, referrers_tag(subject))
    if listing is not None:
        try:
            found += read_manifest(listing, await registry.read(ctx, repo, listing)).manifests
        except (OCIError, NotFoundError):
            pass
    return sorted(set(found))


async def manifest(registry: Registry, ctx: Context, repo: Repository, dgst: Digest) -> bytes:
    """The manifest *dgst*; nothing if *repo* does not have it."""
    try:
        if await registry.source.has_manifest(ctx, repo, dgst):
            return await registry.read(ctx, repo, dgst)
    except NotFoundError:
        pass
    return b""


def described(dgst: Digest, content: bytes, subject: Digest) -> list[Descriptor]:
    """What describes a manifest, if it is one and about *subject*."""
    try:
        found = read_manifest(dgst, content)
    except OCIError:
        return []
    return [found.descriptor] if found.subject == subject else []
