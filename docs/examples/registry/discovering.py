"""OCI's third workflow, content discovery: which tags are there, and what is about a manifest."""

import json
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from layercache import Context, Digest, InvalidArgumentError, NotFoundError, Repository, parse_digest
from layercache.fastapi import RequestContext
from layercache.oci import OCIError
from layercache.storage.layout import is_of_a_registry
from registry.depends import Blob, Named, Registry, Shared
from registry.oci import OCI_INDEX, Descriptor, read_manifest, referrers_tag
from registry.tree import referrers_folder, tags_folder

router = APIRouter(prefix="/v2")
LINK = "/current/link"


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
) -> Response:
    """List the manifests that are about *dgst*, which need not be there itself."""
    found = [
        await descriptor(registry, ctx, repo, dgst, about) for about in await about(registry, ctx, repo, dgst)
    ]
    manifests = [
        item for item in found if item is not None and artifact_type in {None, item.get("artifactType")}
    ]
    headers = {} if artifact_type is None else {"OCI-Filters-Applied": "artifactType"}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
    return Response(json.dumps(index), headers=headers, media_type=OCI_INDEX)


async def about(registry: Registry, ctx: Context, repo: Repository, subject: Digest) -> list[Digest]:
    """What may be about *subject*: by our links, or by a tag that clients keep where no registry tells."""
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
    return list(dict.fromkeys(found))


async def descriptor(
    registry: Registry, ctx: Context, repo: Repository, subject: Digest, dgst: Digest
) -> Descriptor | None:
    """What describes the manifest *dgst*, if it is there and about *subject*."""
    try:
        if await registry.source.has_manifest(ctx, repo, dgst):
            contents = read_manifest(dgst, await registry.read(ctx, repo, dgst))
            return contents.descriptor if contents.subject == subject else None
    except (OCIError, NotFoundError):
        pass
    return None
