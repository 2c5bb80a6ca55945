"""Checks of what an interrupted removal leaves: a hold, which no other bracket shortens.

How long a hold lasts is the backend's `closing_seconds`, which must be long enough
here for a check to end before. That it ends is for the backend's own tests, which
can turn its clock.
"""

from layercache.cache import LayerInfoCache
from layercache.context import Context
from layercache.errors import ContextError
from layercache.testing.brackets import BodyError, Closing, closings
from layercache.testing.layers import Check, expect, expect_error, new_digest, new_meta, new_repository
from layercache.testing.leases import take


async def holds_what_its_context_interrupted(ctx: Context, cache: LayerInfoCache) -> None:
    """The end of a context that leaves the body as an error is passed on, and no lease is given."""
    for closing in closings(cache):

        async def remove(closing: Closing = closing) -> None:
            with ctx.with_cancel() as ending:
                async with closing.bracket(ending):
                    await closing.put(ctx)
                    ending.cancel()
                    ending.check()

        await expect_error(ContextError, remove(), f"{closing.name} passes the context's error on")
        await closing.expect_held(ctx, "after the context interrupted the body")


async def holds_its_own_half(ctx: Context, cache: LayerInfoCache) -> None:
    """An interrupted `removing` holds one membership, an interrupted `forgetting` one digest, and no more."""
    removing, forgetting = closings(cache)
    await removing.interrupt(ctx)
    await take(ctx, cache, new_repository(), removing.dgst)
    await take(ctx, cache, None, removing.dgst)
    await take(ctx, cache, removing.repo, new_digest())
    await forgetting.interrupt(ctx)
    expect(await cache.lease(ctx, None, forgetting.dgst) is None, "a meta is held that may still be deleted")
    await forgetting.expect_held(ctx, "after its digest was held")
    await take(ctx, cache, forgetting.repo, new_digest())


async def a_retried_removal_keeps_the_hold(ctx: Context, cache: LayerInfoCache) -> None:
    """A removal that returns, time and again, does not end the hold of one that was interrupted before.

    1  A enters, asks the storage to delete, is interrupted
    2  B enters, finds nothing to delete, leaves    <- and must leave the hold
    3  the storage deletes what A asked for
    """
    for closing in closings(cache):
        await closing.interrupt(ctx)
        for _ in range(3):
            async with closing.bracket(ctx):
                await closing.expect_held(ctx, "while an interrupted removal is tried again")
            await closing.expect_held(ctx, "after an interrupted removal was tried again")


async def an_overlapping_removal_keeps_the_hold(ctx: Context, cache: LayerInfoCache) -> None:
    """Whichever of two removals entered first, the hold of the interrupted one outlasts the other."""
    for is_first in (True, False):
        for closing in closings(cache):
            returning = closing.bracket(ctx)
            interrupted = closing.bracket(ctx)
            order = (interrupted, returning) if is_first else (returning, interrupted)
            for bracket in order:
                await bracket.__aenter__()
            error = BodyError()
            await interrupted.__aexit__(BodyError, error, None)
            await closing.expect_held(ctx, "while another removal is under way")
            await returning.__aexit__(None, None, None)
            await closing.expect_held(ctx, "after another removal returned")


async def the_other_bracket_keeps_the_hold(ctx: Context, cache: LayerInfoCache) -> None:
    """`forgetting` a digest does not end what an interrupted `removing` holds of it, nor the reverse."""
    removing, forgetting = closings(cache)
    await removing.interrupt(ctx)
    async with cache.forgetting(ctx, removing.dgst):
        pass
    await removing.expect_held(ctx, "after its digest was forgotten")
    await forgetting.interrupt(ctx)
    async with cache.removing(ctx, forgetting.repo, forgetting.dgst):
        pass
    await forgetting.expect_held(ctx, "after it was removed from a repository")


async def a_plain_removal_keeps_the_hold(ctx: Context, cache: LayerInfoCache) -> None:
    """`remove` and `forget` after an interrupted removal do not end its hold."""
    for closing in closings(cache):
        await closing.interrupt(ctx)
        await cache.remove(ctx, closing.repo, closing.dgst)
        await cache.forget(ctx, closing.dgst)
        await closing.expect_held(ctx, "after a plain removal")


async def refuses_a_fill_after_an_interruption(ctx: Context, cache: LayerInfoCache) -> None:
    """A lease that was given before a body was interrupted is void, and what it filled is cleared.

    1  A enters, B enters, B leaves         <- no marker lies there any more, though A is not done
    2  readers: each takes a lease, asks the storage: "yes"; one fills
    3  A is interrupted                     <- clears, and holds
    4  the other reader: fills              <- refused
    """
    for closing in closings(cache):
        before = await take(ctx, cache, closing.repo, closing.dgst)
        interrupted = closing.bracket(ctx)
        await interrupted.__aenter__()
        async with closing.bracket(ctx):
            pass
        between = await cache.lease(ctx, closing.repo, closing.dgst)
        await closing.put(ctx)
        await interrupted.__aexit__(BodyError, BodyError(), None)
        await closing.expect_refused(ctx, before, "after an interruption")
        if between is not None:
            await closing.expect_refused(ctx, between, "after an interruption")
        await closing.expect_held(ctx, "after an interruption")


async def adds_nothing_under_a_hold(ctx: Context, cache: LayerInfoCache) -> None:
    """A push after an interrupted removal is not remembered: the storage may still delete it."""
    for closing in closings(cache):
        await closing.interrupt(ctx)
        async with cache.adding(ctx, closing.repo, closing.dgst, new_meta(closing.dgst)):
            pass
        await closing.expect_held(ctx, "after a push")


CHECKS: tuple[Check, ...] = (
    holds_what_its_context_interrupted,
    holds_its_own_half,
    a_retried_removal_keeps_the_hold,
    an_overlapping_removal_keeps_the_hold,
    the_other_bracket_keeps_the_hold,
    a_plain_removal_keeps_the_hold,
    refuses_a_fill_after_an_interruption,
    adds_nothing_under_a_hold,
)
