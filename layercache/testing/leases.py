"""Checks of leases: what may be filled, and what may not any more."""

from layercache.backend import Lease
from layercache.cache import LayerInfoCache
from layercache.context import Context
from layercache.testing.layers import (
    Check,
    expect,
    expect_known,
    expect_no_membership,
    is_meta_known,
    new_digest,
    new_meta,
    new_repository,
)


async def take(ctx: Context, cache: LayerInfoCache, repo: str | None, dgst: str) -> Lease:
    """A lease that must be given, since nothing is being removed."""
    lease = await cache.lease(ctx, repo, dgst)
    if lease is None:
        raise AssertionError("a lease is given where nothing is being removed")
    expect((lease.repo, lease.dgst) == (repo, dgst), "a lease says what it is for")
    return lease


async def fills_under_a_lease(ctx: Context, cache: LayerInfoCache) -> None:
    """A fill whose lease holds stores both halves, and says so."""
    repo, dgst = new_repository(), new_digest()
    lease = await take(ctx, cache, repo, dgst)
    await expect_no_membership(ctx, cache, repo, dgst, "a lease by itself says nothing")
    expect(await cache.fill(ctx, lease, new_meta(dgst)) is True, "a fill whose lease holds is stored")
    await expect_known(ctx, cache, repo, dgst, "filled, it is known")
    expect(await cache.meta(ctx, dgst) == new_meta(dgst), "filled, its meta is known")


async def fills_the_meta_alone(ctx: Context, cache: LayerInfoCache) -> None:
    """A lease without a repository fills the meta, and claims nothing for any repository."""
    repo, dgst = new_repository(), new_digest()
    lease = await take(ctx, cache, None, dgst)
    expect(await cache.fill(ctx, lease, new_meta(dgst)) is True, "a meta whose lease holds is stored")
    expect(await cache.meta(ctx, dgst) == new_meta(dgst), "filled, the meta is known")
    await expect_no_membership(ctx, cache, repo, dgst, "the meta alone claims no membership")


async def refuses_to_fill_what_was_removed(ctx: Context, cache: LayerInfoCache) -> None:
    """A fill that was begun before a removal does not undo it."""
    repo, dgst = new_repository(), new_digest()
    lease = await take(ctx, cache, repo, dgst)
    await cache.remove(ctx, repo, dgst)
    expect(await cache.fill(ctx, lease, new_meta(dgst)) is False, "a fill from before a removal is refused")
    await expect_no_membership(ctx, cache, repo, dgst, "removed, it stays removed")


async def refuses_to_fill_what_was_forgotten(ctx: Context, cache: LayerInfoCache) -> None:
    """A fill that was begun before the digest was forgotten does not bring its meta back."""
    repo, dgst = new_repository(), new_digest()
    for lease in (await take(ctx, cache, repo, dgst), await take(ctx, cache, None, dgst)):
        await cache.forget(ctx, dgst)
        expect(
            await cache.fill(ctx, lease, new_meta(dgst)) is False, "a fill from before a forget is refused"
        )
        expect(not await is_meta_known(ctx, cache, dgst), "forgotten, it stays forgotten")


async def refuses_a_token_it_did_not_give(ctx: Context, cache: LayerInfoCache) -> None:
    """A lease that was made up, or given for another layer, fills nothing."""
    repo, other, dgst = new_repository(), new_repository(), new_digest()
    lease = await take(ctx, cache, repo, dgst)
    for forged in (
        lease._replace(membership="made-up", meta="made-up"),
        lease._replace(membership="", meta=""),
        lease._replace(repo=other),
        lease._replace(dgst=new_digest()),
    ):
        expect(await cache.fill(ctx, forged, new_meta(dgst)) is False, "a forged lease fills nothing")
        await expect_no_membership(ctx, cache, str(forged.repo), forged.dgst, "a forged lease adds nothing")


async def voids_every_share_of_a_lease(ctx: Context, cache: LayerInfoCache) -> None:
    """A removal voids the lease of everybody who had one, and of nobody else."""
    repo, other, dgst = new_repository(), new_repository(), new_digest()
    voided = [await take(ctx, cache, repo, dgst) for _ in range(3)]
    kept = await take(ctx, cache, other, dgst)
    await cache.remove(ctx, repo, dgst)
    expect(await cache.fill(ctx, kept, new_meta(dgst)) is True, "a lease for another repository still holds")
    for lease in voided:
        expect(await cache.fill(ctx, lease, new_meta(dgst)) is False, "every share of a lease is void")
    await expect_no_membership(ctx, cache, repo, dgst, "removed, it stays removed")


async def gives_a_new_lease_after_a_removal(ctx: Context, cache: LayerInfoCache) -> None:
    """After a removal a new lease fills, and an old one does not profit from it."""
    repo, dgst = new_repository(), new_digest()
    old = await take(ctx, cache, repo, dgst)
    await cache.remove(ctx, repo, dgst)
    await cache.forget(ctx, dgst)
    new = await take(ctx, cache, repo, dgst)
    expect(await cache.fill(ctx, old, new_meta(dgst)) is False, "an old lease does not profit from a new one")
    await expect_no_membership(ctx, cache, repo, dgst, "an old lease adds nothing beside a new one")
    expect(await cache.fill(ctx, new, new_meta(dgst)) is True, "a new lease fills after a removal")
    await expect_known(ctx, cache, repo, dgst, "filled again, it is known")


CHECKS: tuple[Check, ...] = (
    fills_under_a_lease,
    fills_the_meta_alone,
    refuses_to_fill_what_was_removed,
    refuses_to_fill_what_was_forgotten,
    refuses_a_token_it_did_not_give,
    voids_every_share_of_a_lease,
    gives_a_new_lease_after_a_removal,
)
