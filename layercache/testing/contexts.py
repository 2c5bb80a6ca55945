"""Checks of what the context of a call is due."""

import asyncio
from contextlib import AbstractAsyncContextManager

from layercache.cache import LayerInfoCache
from layercache.context import Context
from layercache.errors import CanceledError, ContextError, DeadlineExceededError, LayerCacheError
from layercache.testing import operations
from layercache.testing.brackets import BodyError
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
    stat_or_none,
)


async def does_nothing_under_an_ended_context(ctx: Context, cache: LayerInfoCache) -> None:
    """Under a context that has ended every operation raises its error, and changes nothing."""
    repo, dgst, absent = new_repository(), new_digest(), new_digest()
    await cache.put(ctx, repo, dgst, new_meta(dgst))
    expired, cancelled = ctx.with_timeout(0), ctx.with_cancel()
    cancelled.cancel()
    for name, call in operations.ALL.items():
        for which in (dgst, absent):
            late = call(cache, expired, repo, which, new_meta(which))
            await expect_error(DeadlineExceededError, late, f"{name} keeps to the deadline")
            late = call(cache, cancelled, repo, which, new_meta(which))
            await expect_error(CanceledError, late, f"{name} is cancelled with its context")
    await expect_known(ctx, cache, repo, dgst, "nothing was removed under an ended context")
    await expect_no_membership(ctx, cache, repo, absent, "nothing was added under an ended context")
    expect(not await is_meta_known(ctx, cache, absent), "no meta was set under an ended context")


async def runs_no_body_under_an_ended_context(ctx: Context, cache: LayerInfoCache) -> None:
    """The body of a bracket does not run if the context had ended before."""
    repo, dgst, ended = new_repository(), new_digest(), ctx.with_timeout(0)
    for bracket in (
        cache.removing(ended, repo, dgst),
        cache.forgetting(ended, dgst),
        cache.adding(ended, repo, dgst, new_meta(dgst)),
    ):
        await expect_error(ContextError, _enter(bracket), "no body runs under a context that has ended")


async def tells_the_cause(ctx: Context, cache: LayerInfoCache) -> None:
    """The error of a cancelled context carries the cause that `cancel` was given."""
    why = BodyError("why")
    with ctx.with_cancel() as cancelled:
        cancelled.cancel(why)
        error = await expect_error(CanceledError, cache.meta(cancelled, new_digest()), "meta is cancelled")
        expect(error.__cause__ is why, "the error's cause is the context's")


async def survives_a_context_that_ends_in_mid_call(ctx: Context, cache: LayerInfoCache) -> None:
    """A call whose context ends meanwhile gives its answer or the context's error; the next call is right."""
    for turns in range(4):
        for name, call in operations.ALL.items():
            repo, dgst = new_repository(), new_digest()
            with ctx.with_cancel() as ending:
                running = asyncio.ensure_future(call(cache, ending, repo, dgst, new_meta(dgst)))
                await _turn(turns)
                ending.cancel()
                await _expect_answer_or(CanceledError, running, name)
            await _expect_right(ctx, cache)


async def survives_a_task_that_is_cancelled_in_mid_call(ctx: Context, cache: LayerInfoCache) -> None:
    """A call whose task is cancelled gives its answer or CancelledError; the next call is right."""
    for turns in range(4):
        for name, call in operations.ALL.items():
            repo, dgst = new_repository(), new_digest()
            running = asyncio.ensure_future(call(cache, ctx, repo, dgst, new_meta(dgst)))
            await _turn(turns)
            running.cancel()
            await _expect_answer_or(asyncio.CancelledError, running, name)
            await _expect_right(ctx, cache)


async def closes_twice(ctx: Context, cache: LayerInfoCache) -> None:
    """`async with` gives the cache itself, and to close it again is harmless."""
    async with cache as entered:
        expect(entered is cache, "`async with` gives the cache itself")
        await entered.contains(ctx, new_repository(), new_digest())
    await cache.aclose()


async def _enter(bracket: AbstractAsyncContextManager[None]) -> None:
    async with bracket:
        raise BodyError


async def _turn(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def _expect_answer_or(kind: type[BaseException], running: "asyncio.Future[object]", name: str) -> None:
    try:
        await running
    except (kind, LookupError):
        return
    except LayerCacheError as error:
        raise AssertionError(f"{name}, ended in mid-call, raised {error!r}") from error


async def _expect_right(ctx: Context, cache: LayerInfoCache) -> None:
    repo, dgst = new_repository(), new_digest()
    await cache.put(ctx, repo, dgst, new_meta(dgst))
    found, is_there, is_absent = await asyncio.gather(
        stat_or_none(ctx, cache, repo, dgst),
        cache.contains(ctx, repo, dgst),
        cache.contains(ctx, repo, new_digest()),
    )
    right = found == new_meta(dgst) and is_there and not is_absent
    expect(right, "after a call that ended in mid-way, answers are right")


CHECKS: tuple[Check, ...] = (
    does_nothing_under_an_ended_context,
    runs_no_body_under_an_ended_context,
    tells_the_cause,
    survives_a_context_that_ends_in_mid_call,
    survives_a_task_that_is_cancelled_in_mid_call,
    closes_twice,
)
