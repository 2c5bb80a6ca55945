"""What a user writes, for the type checkers: it is read and never run.

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
    LayerInfoCache,
    LayerInfoSource,
    LayerMeta,
    Lease,
    NotFoundError,
    ReadThroughCache,
    Repository,
    background,
    parse_digest,
    parse_repository,
)
from layercache.storage import StorageSource


async def a_handler(cache: LayerInfoCache, name: str, reference: str) -> int:
    """Names are parsed, and a context is passed."""
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
    """A cache that is entered is itself."""
    async with ReadThroughCache(cache, cache) as through:
        assert_type(through, ReadThroughCache)
        assert_type(await through.confirm(background(), "a", "sha256:00"), LayerMeta)


async def contexts(ctx: Context, answer: Awaitable[int]) -> None:
    """A context is derived, asked and waited for."""
    assert_type(ctx.with_value("key", 1), Context)
    assert_type(ctx.value("key"), object)
    assert_type(ctx.without_cancel(), Context)
    assert_type(ctx.deadline, float | None)
    assert_type(await ctx.run(answer), int)
    with ctx.scope() as scope:
        assert_type(scope, anyio.CancelScope)
    assert_type(ctx.after_func(print)(), bool)
