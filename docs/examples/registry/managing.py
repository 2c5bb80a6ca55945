"""OCI's fourth workflow, content management: what is deleted stays deleted.

A deletion that was begun runs to its end, though its client hangs up or the
storage is slow: then it is answered, or nobody is. A blob is deleted from one
repository. Its bytes stay, others may have it; `sweep` deletes those that
nobody has.
"""

from fastapi import APIRouter, Response

from layercache import Context, Digest, NotFoundError, Repository
from layercache.fastapi import RequestContext
from layercache.oci import OCIError, told
from layercache.shield import finish
from layercache.storage.layout import layer_link_path, revision_link_path
from registry.depends import Blob, Manifest, Named, Registry, Shared, finishing
from registry.discovering import tags_of
from registry.oci import read_manifest
from registry.tree import referrer_path, tags_folder

router = APIRouter(prefix="/v2")


@router.delete("/{repo:path}/blobs/{dgst}")
async def blob(registry: Shared, ctx: RequestContext, repo: Named, dgst: Blob) -> Response:
    """Delete a blob from a repository."""
    with told(404, "BLOB_UNKNOWN"):
        await registry.cache.confirm(ctx, repo, dgst)
    await finish(unlink_blob(registry, ctx, repo, dgst))
    return Response(status_code=202)


@router.delete("/{repo:path}/manifests/{reference}")
async def manifest(
    registry: Shared, ctx: RequestContext, repo: Named, dgst: Manifest, reference: str
) -> Response:
    """Delete a tag; or, named by its digest, a manifest and all the tags that stand for it."""
    if ":" in reference:
        await finish(unlink_manifest(registry, ctx, repo, dgst))
    else:
        await finish(untag(registry, ctx.without_cancel(), repo, reference))
    return Response(status_code=202)


async def unlink_blob(registry: Registry, ctx: Context, repo: Repository, dgst: Digest) -> None:
    """Have no blob *dgst* in *repo*."""
    with finishing(ctx) as rest:
        await registry.unlink(rest, repo, dgst, layer_link_path(repo, dgst))


async def unlink_manifest(registry: Registry, ctx: Context, repo: Repository, dgst: Digest) -> None:
    """Have no manifest *dgst* in *repo*, no tag that stands for it, and nothing that it is about."""
    with finishing(ctx) as rest:
        await unrefer(registry, rest, repo, dgst)
    with finishing(ctx) as rest:
        # Here nobody asks the cache for a manifest; a Go registry that shares it does.
        await registry.unlink(rest, repo, dgst, revision_link_path(repo, dgst))
    rest = ctx.without_cancel()
    for tag in await tags_of(registry, rest, repo):
        if await registry.source.tagged(rest, repo, tag) == dgst:
            await untag(registry, rest, repo, tag)


async def untag(registry: Registry, ctx: Context, repo: Repository, tag: str) -> None:
    """Have no such tag: what it stands for first, then what it has stood for."""
    folder = f"{tags_folder(repo)}/{tag}"
    files = await registry.tree.files(ctx, folder)
    await registry.tree.delete(ctx, *(f"{folder}/{file}" for file in files))


async def unrefer(registry: Registry, ctx: Context, repo: Repository, dgst: Digest) -> None:
    """Have the manifest *dgst* be about nothing."""
    try:
        subject = read_manifest(dgst, await registry.read(ctx, repo, dgst)).subject
    except (OCIError, NotFoundError):
        return
    if subject is not None:
        await registry.tree.delete(ctx.without_cancel(), referrer_path(repo, subject, dgst))
