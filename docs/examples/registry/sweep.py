"""Deletes the blobs that no repository has, while nothing is pushed.

As with the Go registry's own garbage collection, a push at the same time can
lose its blob between our look and our deletion; so stop pushes, not pulls.
Each deletion is announced to the cache that the registries share, so that none
says "yes" to what is gone.
"""

from layercache import Context, Digest, LayerInfoCache, parse_digest
from registry.tree import ROOT, Tree


async def sweep(ctx: Context, tree: Tree, cache: LayerInfoCache) -> list[Digest]:
    """Delete what no link names, and return the digests."""
    links = await tree.files(ctx, f"{ROOT}/repositories")
    kept = {tuple(link.split("/")[-3:-1]) for link in links if "/_layers/" in link or "/revisions/" in link}
    swept = []
    for file in await tree.files(ctx, f"{ROOT}/blobs"):
        algorithm, _, encoded, _ = file.split("/")
        if (algorithm, encoded) not in kept:
            dgst = parse_digest(f"{algorithm}:{encoded}")
            async with cache.forgetting(ctx, dgst):
                await tree.delete(ctx, f"{ROOT}/blobs/{file}")
            swept.append(dgst)
    return swept
