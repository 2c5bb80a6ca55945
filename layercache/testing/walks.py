"""Checks of the walk of all there is; of a cache that cannot be walked, that it says so."""

from layercache.cache import LayerInfoCache
from layercache.context import Context
from layercache.errors import UnsupportedError
from layercache.testing.layers import Check, expect, new_digest, new_meta, new_repository


async def scans_what_is_known(ctx: Context, cache: LayerInfoCache) -> None:
    """A scan tells every membership and every meta, with or without the other half, and nothing that is gone."""
    if cache.backend.scannable is None:
        return await _refuses(cache, ctx)
    repo, whole, member, meta, gone = new_repository(), *(new_digest() for _ in range(4))
    await cache.put(ctx, repo, whole, new_meta(whole))
    await cache.add(ctx, repo, member)
    await cache.set_meta(ctx, meta, new_meta(meta))
    await cache.put(ctx, repo, gone, new_meta(gone))
    await cache.remove(ctx, repo, gone)
    await cache.forget(ctx, gone)
    members: set[tuple[str, str]] = set()
    metas: dict[str, object] = {}
    async for batch in cache.scan(ctx):
        members |= set(batch.members)
        metas |= dict(batch.metas)
    found = {dgst for known, dgst in members if known == repo}
    expect(found == {whole, member}, "a scan tells the memberships that are known")
    told = {dgst: metas[dgst] for dgst in (whole, member, meta, gone) if dgst in metas}
    expect(told == {whole: new_meta(whole), meta: new_meta(meta)}, "a scan tells the metas that are known")
    return None


async def lists_a_repository(ctx: Context, cache: LayerInfoCache) -> None:
    """The list of a repository has every digest that it is known to have, and no other's."""
    if cache.backend.scannable is None:
        return await _refuses(cache, ctx)
    repo, other, dgsts = new_repository(), new_repository(), {new_digest() for _ in range(20)}
    for dgst in dgsts:
        await cache.add(ctx, repo, dgst)
    await cache.put(ctx, other, new_digest(), new_meta("any"))
    listed = {dgst async for page in cache.list_repository(ctx, repo) for dgst in page}
    expect(listed == dgsts, "a repository's list has the digests that it is known to have")
    expect(
        not [1 async for page in cache.list_repository(ctx, new_repository()) if page],
        "nothing is listed at first",
    )
    return None


async def _refuses(cache: LayerInfoCache, ctx: Context) -> None:
    for walk in (lambda: cache.scan(ctx), lambda: cache.list_repository(ctx, new_repository())):
        try:
            walk()
        except UnsupportedError:
            continue
        raise AssertionError("a cache that cannot be walked says so by UnsupportedError")


CHECKS: tuple[Check, ...] = (scans_what_is_known, lists_a_repository)
