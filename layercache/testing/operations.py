"""Every operation of the contract as one call, for checks that hold for all of them."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from layercache.backend import Lease
from layercache.cache import LayerInfoCache
from layercache.context import Context
from layercache.meta import LayerMeta

Call = Callable[[LayerInfoCache, Context, str, str, LayerMeta], Awaitable[object]]


async def _inside(bracket: AbstractAsyncContextManager[None]) -> None:
    async with bracket:
        pass


def _lease(repo: str | None, dgst: str) -> Lease:
    return Lease(repo, dgst, "no-such-token", "no-such-token")


OF_A_META: dict[str, Call] = {
    "meta": lambda cache, ctx, _, dgst, __: cache.meta(ctx, dgst),
    "set_meta": lambda cache, ctx, _, dgst, meta: cache.set_meta(ctx, dgst, meta),
    "forget": lambda cache, ctx, _, dgst, __: cache.forget(ctx, dgst),
    "forgetting": lambda cache, ctx, _, dgst, __: _inside(cache.forgetting(ctx, dgst)),
    "lease of a meta": lambda cache, ctx, _, dgst, __: cache.lease(ctx, None, dgst),
    "fill of a meta": lambda cache, ctx, _, dgst, meta: cache.fill(ctx, _lease(None, dgst), meta),
}

OF_A_LAYER: dict[str, Call] = {
    "contains": lambda cache, ctx, repo, dgst, _: cache.contains(ctx, repo, dgst),
    "add": lambda cache, ctx, repo, dgst, _: cache.add(ctx, repo, dgst),
    "stat": lambda cache, ctx, repo, dgst, _: cache.stat(ctx, repo, dgst),
    "put": lambda cache, ctx, repo, dgst, meta: cache.put(ctx, repo, dgst, meta),
    "remove": lambda cache, ctx, repo, dgst, _: cache.remove(ctx, repo, dgst),
    "contains_many": lambda cache, ctx, repo, dgst, _: cache.contains_many(ctx, repo, [dgst]),
    "stat_many": lambda cache, ctx, repo, dgst, _: cache.stat_many(ctx, repo, [dgst]),
    "lease": lambda cache, ctx, repo, dgst, _: cache.lease(ctx, repo, dgst),
    "fill": lambda cache, ctx, repo, dgst, meta: cache.fill(ctx, _lease(repo, dgst), meta),
    "removing": lambda cache, ctx, repo, dgst, _: _inside(cache.removing(ctx, repo, dgst)),
    "adding": lambda cache, ctx, repo, dgst, meta: _inside(cache.adding(ctx, repo, dgst, meta)),
}

WITH_A_META = ("set_meta", "put", "fill", "fill of a meta", "adding")

ALL: dict[str, Call] = {**OF_A_META, **OF_A_LAYER}
