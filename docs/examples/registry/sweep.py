"""Deletes the blobs that no repository has, while nothing is pushed.

As with the Go registry's own garbage collection, a push at the same time can
lose its blob between our look and our deletion; so stop pushes, not pulls.
Each deletion is announced to the cache that the registries share, so that none
says "yes" to what is gone.
"""

import logging

from layercache import Context, Digest, LayerInfoCache
from layercache.storage.layout import data_path
from registry.tree import Tree

_log = logging.getLogger(__name__)


async def sweep(ctx: Context, tree: Tree, cache: LayerInfoCache) -> list[Digest]:
    """Delete what no link names and no manifest mentions, and return the digests.

    Raises:
        BackendError: The tree could not be read to its end, or not a single
            link is in it; nothing was deleted.
    """
    unused = await tree.source.unused(ctx)
    if unused.passed_over:
        _log.warning(
            "passed over %d files that no registry wrote: %s", unused.passed_over, ", ".join(unused.strays)
        )
    for dgst in unused.blobs:
        async with cache.forgetting(ctx, dgst):
            await tree.delete(ctx, data_path(dgst))
    return list(unused.blobs)
