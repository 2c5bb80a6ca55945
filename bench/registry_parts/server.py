"""The example registry over a storage as slow as an object store.

    python -m bench.registry_parts.server ROOT PORT CACHE_URL

CACHE_URL may be `none`: then nothing is remembered; or `confirmed`: then the
storage answers each HEAD. Else the cache does.
"""

import asyncio
import sys
from pathlib import Path

import uvicorn

from layercache import Context, LayerInfoCache, LayerMeta, MemoryCache, open_cache
from layercache.storage import StorageSource

SOURCE_SECONDS = 0.02  # for each of its two questions
EXAMPLES = Path(__file__).parents[2] / "docs/examples"


class SlowStorage(StorageSource):
    """A storage that takes its time."""

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        """Whether *repo* has *dgst*."""
        await ctx.run(asyncio.sleep(SOURCE_SECONDS))
        return await super().contains(ctx, repo, dgst)

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        """Where *dgst* lies."""
        await ctx.run(asyncio.sleep(SOURCE_SECONDS))
        return await super().meta(ctx, dgst)


def nothing() -> LayerInfoCache:
    """A cache in which everything has ended as soon as it is asked for."""
    return MemoryCache(ttl=1e-9)


def main(root: str, port: str, cache: str) -> None:
    """Serve until told to stop."""
    sys.path.insert(0, str(EXAMPLES))
    from registry.tree import Tree  # noqa: PLC0415 - found only now
    from registry_fastapi import create_app, freeze_heap  # noqa: PLC0415

    is_confirmed = cache == "confirmed"
    remembered = nothing() if cache == "none" else open_cache("memory://" if is_confirmed else cache)
    app = create_app(SlowStorage(root), Tree(root), remembered, confirms_heads=is_confirmed)
    freeze_heap()
    uvicorn.run(app, port=int(port), access_log=False, log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
