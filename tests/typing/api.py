"""Code of a user, which the type checkers read, and which never runs.

A line that would no longer be accepted, or whose type has become another, is
an error of `nox -s types`.
"""

from collections.abc import Awaitable
from typing import assert_type

import anyio

from layercache import (
    CancelableContext,
    Context,
    Digest,
    Event,
    LayerInfoCache,
    LayerInfoSource,
    LayerMeta,
    Lease,
    NotFoundError,
    Observer,
    ReadThroughCache,
    RedisCache,
    Repository,
    background,
    open_cache,
    parse_digest,
    parse_repository,
)
from layercache.backends.redis.near import NearState
from layercache.reconcile import Reconciler, Report
from layercache.storage import StorageSource


async def a_handler(cache: LayerInfoCache, name: str, reference: str) -> int:
    """A handler parses the names, and passes a context."""
    repo = assert_type(parse_repository(name), Repository)
    dgst = assert_type(parse_digest(reference), Digest)
    with background().with_timeout(0.25) as ctx:
        assert_type(ctx, CancelableContext)
        assert_type(await cache.contains(ctx, repo, dgst), bool)
        assert_type(await cache.contains_many(ctx, repo, [dgst]), list[bool])
        assert_type(await cache.stat_many(ctx, repo, (dgst, dgst)), list[LayerMeta | None])
        try:
            meta = assert_type(await cache.stat(ctx, repo, dgst), LayerMeta)
        except NotFoundError as error:
            assert_type(error.dgst, str)
            return 404
        return assert_type(meta.length, int)


async def plain_strings_will_do(cache: LayerInfoCache, ctx: Context) -> None:
    """A repository and a digest may be any `str`."""
    lease = assert_type(await cache.lease(ctx, "a", "sha256:00"), Lease | None)
    if lease is not None:
        assert_type(await cache.fill(ctx, lease, LayerMeta("/data", 1)), bool)
    async with cache.removing(ctx, "a", "sha256:00"), cache.forgetting(ctx, "sha256:00"):
        pass
    async with cache.adding(
        ctx, "a", "sha256:00", LayerMeta(path="/data", length=1, media_type="x")
    ) as nothing:
        assert_type(nothing, None)


def a_source_is_whatever_answers(cache: LayerInfoCache) -> list[LayerInfoSource]:
    """A storage, a cache and a read-through are sources."""
    storage = StorageSource("file:///var/lib/docker-registry")
    return [storage, cache, ReadThroughCache(cache, storage)]


async def closing(cache: LayerInfoCache) -> None:
    """`async with` yields the cache itself, with its type."""
    async with ReadThroughCache(cache, cache) as through:
        assert_type(through, ReadThroughCache)
        assert_type(await through.confirm(background(), "a", "sha256:00"), LayerMeta)


async def any_cache_can_be_reconciled() -> None:
    """A cache that was opened by its URL is reconciled with a storage."""
    async with open_cache("redis://localhost?near=1000") as cache:
        assert_type(cache, LayerInfoCache)
        assert_type(await Reconciler(cache, StorageSource("file:///tree")).run(background()), Report)
    assert_type(RedisCache("redis://localhost", near=1000).near_state, NearState | None)


class Printing(Observer):
    """An observer gets events, whose fields have types."""

    def observe(self, event: Event) -> None:
        assert_type(event.seconds, float)
        assert_type(event.error, BaseException | None)


async def contexts(ctx: Context, answer: Awaitable[int]) -> None:
    """A context is derived, read and awaited under."""
    assert_type(ctx.with_value("key", 1), Context)
    assert_type(ctx.value("key"), object)
    assert_type(ctx.without_cancel(), Context)
    assert_type(ctx.deadline, float | None)
    assert_type(await ctx.run(answer), int)
    with ctx.scope() as scope:
        assert_type(scope, anyio.CancelScope)
    assert_type(ctx.after_func(print)(), bool)
