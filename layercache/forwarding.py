"""ForwardingCache: a cache in front of a cache."""

from collections.abc import Sequence

from layercache.backend import Lease
from layercache.cache import LayerInfoCache
from layercache.context import Context
from layercache.meta import LayerMeta


class ForwardingCache(LayerInfoCache):
    """Passes every operation on to another cache, which is closed with it.

    It calls the other's twins: the arguments and the context were checked here.
    Override the twins that are to differ, or `_target`, which all of them ask.
    """

    def __init__(self, cache: LayerInfoCache) -> None:
        """Stand in front of *cache*."""
        self._cache = cache

    def _target(self, operation: str) -> LayerInfoCache:
        """The cache that *operation* goes to; it is named as the twin is, without its underscore."""
        return self._cache

    async def _contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        return await self._target("contains")._contains(ctx, repo, dgst)

    async def _add(self, ctx: Context, repo: str, dgst: str) -> None:
        await self._target("add")._add(ctx, repo, dgst)

    async def _meta(self, ctx: Context, dgst: str) -> LayerMeta:
        return await self._target("meta")._meta(ctx, dgst)

    async def _set_meta(self, ctx: Context, dgst: str, meta: LayerMeta) -> None:
        await self._target("set_meta")._set_meta(ctx, dgst, meta)

    async def _stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
        return await self._target("stat")._stat(ctx, repo, dgst)

    async def _put(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> None:
        await self._target("put")._put(ctx, repo, dgst, meta)

    async def _contains_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[bool]:
        return await self._target("contains_many")._contains_many(ctx, repo, dgsts)

    async def _stat_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[LayerMeta | None]:
        return await self._target("stat_many")._stat_many(ctx, repo, dgsts)

    async def _remove(self, ctx: Context, repo: str, dgst: str) -> None:
        await self._target("remove")._remove(ctx, repo, dgst)

    async def _forget(self, ctx: Context, dgst: str) -> None:
        await self._target("forget")._forget(ctx, dgst)

    async def _lease(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
        return await self._target("lease")._lease(ctx, repo, dgst)

    async def _fill(self, ctx: Context, lease: Lease, meta: LayerMeta) -> bool:
        return await self._target("fill")._fill(ctx, lease, meta)

    async def begin_removal(self, ctx: Context, repo: str | None, dgst: str) -> str:
        return await self._target("begin_closing").begin_removal(ctx, repo, dgst)

    async def end_removal(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        target = self._target("end_closing")
        await target.end_removal(ctx, repo, dgst, marker, has_returned=has_returned)

    async def aclose(self) -> None:
        """Close the cache behind."""
        await self._cache.aclose()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} before {self._cache!r}>"
