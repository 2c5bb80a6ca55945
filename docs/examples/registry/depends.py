"""What a handler of the registry depends on."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from layercache import (
    Context,
    Digest,
    LayerMeta,
    NotFoundError,
    ReadThroughCache,
    Repository,
    parse_digest,
    parse_repository,
)
from layercache.fastapi import RequestContext
from layercache.oci import told
from layercache.storage import StorageSource
from registry.oci import MAX_MANIFEST_SIZE, MediaTypes
from registry.tree import Tree

QUESTION_SECONDS = 10.0  # for all that is asked before a body comes, or after it; a body takes what it takes


@dataclass(frozen=True)
class Registry:
    """What the handlers share.

    Attributes:
        source: The storage to read.
        tree: The storage to write.
        cache: Before the storage.
        confirms_heads: Whether a HEAD of a blob asks the storage and not the cache.
        types: Of the manifests that were read last.
    """

    source: StorageSource
    tree: Tree
    cache: ReadThroughCache
    confirms_heads: bool = True
    types: MediaTypes = field(default_factory=MediaTypes)

    async def open(
        self, ctx: Context, repo: str, dgst: str, meta: LayerMeta, part: range | None = None
    ) -> AsyncIterator[bytes]:
        """Open what lies where the cache said; if it does not, the cache is told so."""
        try:
            return await self.source.open(ctx, dgst, meta, part)
        except NotFoundError:
            await self.cache.report_missing(ctx, repo, dgst)
            raise

    async def unlink(self, ctx: Context, repo: str, dgst: str, path: str) -> None:
        """Delete the link at *path* by which *repo* has *dgst*.

        Between the two steps of the bracket the storage has as long as it takes: if we gave up, nobody knew
        whether it will still delete, and for some time nothing could be remembered of *dgst*.
        """
        async with self.cache.removing(ctx, repo, dgst):
            await self.tree.delete(ctx.without_cancel(), path)

    async def read(self, ctx: Context, repo: str, dgst: str) -> bytes:
        """The whole of a manifest.

        Raises:
            NotFoundError: It is not there, or longer than any manifest.
        """
        meta = await self.cache.meta(ctx, dgst)
        if meta.length > MAX_MANIFEST_SIZE:
            raise NotFoundError(dgst)
        return b"".join([chunk async for chunk in await self.open(ctx, repo, dgst, meta)])


@contextmanager
def finishing(ctx: Context) -> Iterator[Context]:
    """A context for what has to be finished, also if the client hangs up."""
    with ctx.without_cancel().with_timeout(QUESTION_SECONDS) as rest:
        yield rest


async def shared(request: Request) -> Registry:
    """The registry that this process serves."""
    registry: Registry = request.state.registry
    return registry


async def repository(repo: str) -> Repository:
    """The repository in the URL."""
    with told(400, "NAME_INVALID"):
        return parse_repository(repo)


async def digest(dgst: str) -> Digest:
    """The digest in the URL."""
    with told(400, "DIGEST_INVALID"):
        return parse_digest(dgst)


Shared = Annotated[Registry, Depends(shared)]
Named = Annotated[Repository, Depends(repository)]
Blob = Annotated[Digest, Depends(digest)]


async def referred(registry: Shared, ctx: RequestContext, repo: Named, reference: str) -> Digest:
    """The manifest in the URL, there by its digest or by a tag."""
    with told(404, "MANIFEST_UNKNOWN"):
        dgst = await (digest(reference) if ":" in reference else registry.source.tagged(ctx, repo, reference))
        if dgst is None or not await registry.source.has_manifest(ctx, repo, dgst):
            raise NotFoundError(f"{repo}, {reference}")
        return dgst


Manifest = Annotated[Digest, Depends(referred)]
