"""Checks of the brackets, with the races that they are there for."""

import asyncio
from contextlib import AbstractAsyncContextManager, suppress

from layercache.backend import Lease
from layercache.cache import LayerInfoCache
from layercache.context import Context
from layercache.names import Digest, Repository
from layercache.testing.layers import (
    Check,
    expect,
    expect_error,
    expect_known,
    expect_no_membership,
    is_meta_known,
    new_digest,
    new_meta,
    new_repository,
)
from layercache.testing.leases import take


class BodyError(Exception):
    """What a body raises in these checks."""


class Closing:
    """`removing` and `forgetting` seen as one: a bracket, and the half that it clears.

    Attributes:
        name: Which of the two.
        cache: Whose.
        repo: A repository that no other check uses.
        dgst: A digest that no other check uses.
    """

    def __init__(self, name: str, cache: LayerInfoCache) -> None:
        self.name: str = name
        self.cache: LayerInfoCache = cache
        self.repo: Repository = new_repository()
        self.dgst: Digest = new_digest()

    def bracket(self, ctx: Context) -> AbstractAsyncContextManager[None]:
        """A new one."""
        if self.name == "removing":
            return self.cache.removing(ctx, self.repo, self.dgst)
        return self.cache.forgetting(ctx, self.dgst)

    async def put(self, ctx: Context) -> None:
        """Remember both halves, by a plain word."""
        await self.cache.put(ctx, self.repo, self.dgst, new_meta(self.dgst))

    async def expect_cleared(self, ctx: Context, promise: str) -> None:
        """Fail unless the half is not known, as is the *promise*."""
        if self.name == "removing":
            await expect_no_membership(ctx, self.cache, self.repo, self.dgst, f"{self.name}: {promise}")
        else:
            expect(not await is_meta_known(ctx, self.cache, self.dgst), f"{self.name}: {promise}")

    async def expect_refused(self, ctx: Context, lease: Lease, when: str) -> None:
        """Fail if *lease* fills."""
        stored = await self.cache.fill(ctx, lease, new_meta(self.dgst))
        expect(not stored, f"{self.name}: a fill in flight is refused {when}")

    async def interrupt(self, ctx: Context) -> None:
        """Leave the bracket by an error of its body."""
        with suppress(BodyError):
            async with self.bracket(ctx):
                raise BodyError

    async def expect_held(self, ctx: Context, when: str) -> None:
        """Fail if a lease is given, or the half is known."""
        lease = await self.cache.lease(ctx, self.repo, self.dgst)
        expect(lease is None, f"{self.name}: no lease {when}, for the storage may still delete")
        await self.expect_cleared(ctx, f"cleared {when}")

    async def expect_fillable(self, ctx: Context) -> None:
        """Fail unless a lease is given, and fills."""
        lease = await take(ctx, self.cache, self.repo, self.dgst)
        filled = await self.cache.fill(ctx, lease, new_meta(self.dgst))
        expect(filled, f"{self.name}: what was committed again can be filled again")


def closings(cache: LayerInfoCache) -> list[Closing]:
    """Both of them."""
    return [Closing("removing", cache), Closing("forgetting", cache)]


async def clears_before_and_after_the_body(ctx: Context, cache: LayerInfoCache) -> None:
    """Within a removal and after it the key is clear, whatever plain words said meanwhile."""
    for closing in closings(cache):
        await closing.put(ctx)
        async with closing.bracket(ctx):
            await closing.expect_cleared(ctx, "cleared before the body runs")
            await closing.put(ctx)
        await closing.expect_cleared(ctx, "cleared again after the body")
        await closing.expect_fillable(ctx)


async def leaves_the_other_half(ctx: Context, cache: LayerInfoCache) -> None:
    """`removing` keeps the meta and other repositories; `forgetting` keeps the memberships."""
    repo, other, dgst = new_repository(), new_repository(), new_digest()
    await cache.put(ctx, repo, dgst, new_meta(dgst))
    await cache.put(ctx, other, dgst, new_meta(dgst))
    async with cache.removing(ctx, repo, dgst):
        await expect_known(ctx, cache, other, dgst, "removing leaves other repositories and the meta")
    async with cache.forgetting(ctx, dgst):
        expect(await cache.contains(ctx, other, dgst), "forgetting leaves the memberships")


async def gives_no_lease_meanwhile(ctx: Context, cache: LayerInfoCache) -> None:
    """While a removal is under way no lease is given for what it removes, and one for all else."""
    repo, other, dgst = new_repository(), new_repository(), new_digest()
    async with cache.removing(ctx, repo, dgst):
        expect(await cache.lease(ctx, repo, dgst) is None, "no lease while it is being removed")
        await take(ctx, cache, other, dgst)
        await take(ctx, cache, None, dgst)
        await take(ctx, cache, repo, new_digest())
    await take(ctx, cache, repo, dgst)
    async with cache.forgetting(ctx, dgst):
        expect(await cache.lease(ctx, repo, dgst) is None, "no lease while the digest is being forgotten")
        expect(await cache.lease(ctx, None, dgst) is None, "no lease of a meta that is being forgotten")
        await take(ctx, cache, repo, new_digest())
    await take(ctx, cache, repo, dgst)


async def refuses_a_fill_in_flight(ctx: Context, cache: LayerInfoCache) -> None:
    """A reader's fill that a removal overtook is refused, within the body and after it.

    1  reader: miss, takes a lease, asks the storage: "yes"
    2  remover: enters, deletes, leaves
    3  reader: fills                                <- refused, at any point of 2
    """
    for closing in closings(cache):
        lease = await take(ctx, cache, closing.repo, closing.dgst)
        async with closing.bracket(ctx):
            await closing.expect_refused(ctx, lease, "in the body")
            await closing.expect_cleared(ctx, "nothing is filled in the body")
        await closing.expect_refused(ctx, lease, "after the body")
        await closing.expect_cleared(ctx, "nothing is filled after the body")


async def clears_though_the_body_raises(ctx: Context, cache: LayerInfoCache) -> None:
    """A body's error is passed on as it is, after the key was cleared again, and no lease is given."""
    for closing in closings(cache):
        raised = BodyError("in the body")

        async def fail(closing: Closing = closing, raised: BodyError = raised) -> None:
            async with closing.bracket(ctx):
                await closing.put(ctx)
                raise raised

        error = await expect_error(BodyError, fail(), f"{closing.name} passes the body's error on")
        expect(error is raised, f"{closing.name} passes the very error on")
        await closing.expect_held(ctx, "after the body raised")


async def clears_though_the_task_is_cancelled(ctx: Context, cache: LayerInfoCache) -> None:
    """A task that is cancelled in the body clears the key first, and no lease is given."""
    for closing in closings(cache):
        inside = asyncio.Event()

        async def work(closing: Closing = closing, inside: asyncio.Event = inside) -> None:
            async with closing.bracket(ctx):
                await closing.put(ctx)
                inside.set()
                await asyncio.Event().wait()

        task = asyncio.ensure_future(work())
        await inside.wait()
        task.cancel()
        await expect_error(asyncio.CancelledError, task, f"{closing.name} passes the cancellation on")
        await closing.expect_held(ctx, "after the task was cancelled")


async def clears_though_the_context_ends(ctx: Context, cache: LayerInfoCache) -> None:
    """A context that ends in a body that returns does not keep the key from being cleared again."""
    for closing in closings(cache):
        with ctx.with_cancel() as ending:
            async with closing.bracket(ending):
                await closing.put(ctx)
                ending.cancel()
        await closing.expect_cleared(ctx, "cleared though the context ended")
        await closing.expect_fillable(ctx)


async def lets_removals_overlap(ctx: Context, cache: LayerInfoCache) -> None:
    """Of two removals of one layer, neither takes the other's marker away, and nothing slips between.

    1  A enters, B enters                   <- the marker is B's now
    2  A leaves                             <- and must leave it
    3  a reader's fill is refused until B has left too
    """
    for closing in closings(cache):
        first, second = closing.bracket(ctx), closing.bracket(ctx)
        await first.__aenter__()
        await second.__aenter__()
        await first.__aexit__(None, None, None)
        refused = await cache.lease(ctx, closing.repo, closing.dgst) is None
        expect(refused, f"{closing.name}: no lease while the second removal is under way")
        await closing.put(ctx)
        await second.__aexit__(None, None, None)
        await closing.expect_cleared(ctx, "cleared when the second removal ended")
        await closing.expect_fillable(ctx)


async def lets_removals_end_in_any_order(ctx: Context, cache: LayerInfoCache) -> None:
    """What was filled between the ends of two removals is cleared by the later one."""
    for closing in closings(cache):
        first, second = closing.bracket(ctx), closing.bracket(ctx)
        await first.__aenter__()
        await second.__aenter__()
        await second.__aexit__(None, None, None)
        lease = await cache.lease(ctx, closing.repo, closing.dgst)
        await closing.put(ctx)
        await first.__aexit__(None, None, None)
        await closing.expect_cleared(ctx, "cleared when the first removal ended last")
        if lease is not None:
            late = await cache.fill(ctx, lease, new_meta(closing.dgst))
            expect(not late, f"{closing.name}: a lease from within a removal is void after it")
        await closing.expect_cleared(ctx, "nothing is filled after the last removal")


async def a_plain_removal_spares_the_marker(ctx: Context, cache: LayerInfoCache) -> None:
    """`remove` and `forget` inside of another's bracket leave its marker where it is."""
    repo, dgst = new_repository(), new_digest()
    async with cache.removing(ctx, repo, dgst):
        await cache.remove(ctx, repo, dgst)
        expect(await cache.lease(ctx, repo, dgst) is None, "remove leaves the marker of a removal")
    async with cache.forgetting(ctx, dgst):
        await cache.forget(ctx, dgst)
        expect(await cache.lease(ctx, None, dgst) is None, "forget leaves the marker of a removal")


async def adds_what_was_committed(ctx: Context, cache: LayerInfoCache) -> None:
    """After `adding` both halves are known; before its body has ended, neither is."""
    repo, dgst = new_repository(), new_digest()
    async with cache.adding(ctx, repo, dgst, new_meta(dgst)):
        await expect_no_membership(ctx, cache, repo, dgst, "not added before the commit")
        expect(not await is_meta_known(ctx, cache, dgst), "no meta before the commit")
    await expect_known(ctx, cache, repo, dgst, "added after the commit")
    expect(await cache.meta(ctx, dgst) == new_meta(dgst), "its meta is known after the commit")


async def adds_nothing_if_the_commit_fails(ctx: Context, cache: LayerInfoCache) -> None:
    """A body that raised committed nothing, so nothing is remembered and the error is passed on."""
    repo, dgst = new_repository(), new_digest()

    async def fail() -> None:
        async with cache.adding(ctx, repo, dgst, new_meta(dgst)):
            raise BodyError

    await expect_error(BodyError, fail(), "adding passes the body's error on")
    await expect_no_membership(ctx, cache, repo, dgst, "a failed commit adds nothing")
    expect(not await is_meta_known(ctx, cache, dgst), "a failed commit sets no meta")


async def adds_nothing_that_was_removed_meanwhile(ctx: Context, cache: LayerInfoCache) -> None:
    """A commit that a removal overtook, or ran inside of one, is not remembered.

    1  adder: enters, commits
    2  remover: enters, deletes, leaves
    3  adder: leaves                        <- must not say "yes"
    """
    for closing in closings(cache):
        adding = cache.adding(ctx, closing.repo, closing.dgst, new_meta(closing.dgst))
        async with adding, closing.bracket(ctx):
            pass
        await closing.expect_cleared(ctx, "a removal within adding wins")
        async with closing.bracket(ctx):
            async with cache.adding(ctx, closing.repo, closing.dgst, new_meta(closing.dgst)):
                pass
            await closing.expect_cleared(ctx, "nothing is added within a removal")
        await closing.expect_cleared(ctx, "a removal around adding wins")


CHECKS: tuple[Check, ...] = (
    clears_before_and_after_the_body,
    leaves_the_other_half,
    gives_no_lease_meanwhile,
    refuses_a_fill_in_flight,
    clears_though_the_body_raises,
    clears_though_the_task_is_cancelled,
    clears_though_the_context_ends,
    lets_removals_overlap,
    lets_removals_end_in_any_order,
    a_plain_removal_spares_the_marker,
    adds_what_was_committed,
    adds_nothing_if_the_commit_fails,
    adds_nothing_that_was_removed_meanwhile,
)
