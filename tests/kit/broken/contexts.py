"""Caches that break the checks of `layercache.testing.contexts`, one each."""

# Public methods are final; only a broken cache overrides them.
# mypy: disable-error-code="misc"

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from layercache.cache import LayerInfoCache
from layercache.context import Context
from layercache.meta import LayerMeta
from tests.kit.broken.registry import breaks, breaks_as_a_front
from tests.reference import ReferenceBackend


@breaks_as_a_front("does_nothing_under_an_ended_context")
class RemovesTooLate(LayerInfoCache):
    async def remove(self, ctx: Context, repo: str, dgst: str) -> None:
        await self.backend.remove(ctx, repo, dgst)
        await super().remove(ctx, repo, dgst)


@breaks_as_a_front("runs_no_body_under_an_ended_context")
class RunsTheBodyAnyway(LayerInfoCache):
    @asynccontextmanager
    async def adding(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> AsyncIterator[None]:
        yield
        async with super().adding(ctx, repo, dgst, meta):
            pass


@breaks_as_a_front("tells_the_cause")
class HidesTheCause(LayerInfoCache):
    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        error = ctx.err()
        if error is not None:
            raise type(error)
        return await super().meta(ctx, dgst)


class SharesOneReply(ReferenceBackend):
    """One abandoned call leaves its reply to the next caller, as a shared connection can."""

    def __init__(self) -> None:
        super().__init__()
        self.replies: list[bool] = []

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        self.replies.append(await super().contains(ctx, repo, dgst))
        await self.suspend(ctx)
        return self.replies.pop(0)

    async def suspend(self, ctx: Context) -> None:
        raise NotImplementedError


@breaks("survives_a_context_that_ends_in_mid_call")
class LosesCountWithTheContext(SharesOneReply):
    async def suspend(self, ctx: Context) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        ctx.check()


@breaks("survives_a_task_that_is_cancelled_in_mid_call")
class LosesCountWithTheTask(SharesOneReply):
    async def suspend(self, ctx: Context) -> None:
        await asyncio.sleep(0)


@breaks("closes_twice")
class ClosesOnce(ReferenceBackend):
    is_open = True

    async def aclose(self) -> None:
        assert self.is_open
        self.is_open = False
