"""What breaks the checks of `layercache.testing.holds`, or those of brackets by an interruption."""

# Public methods are final; only a broken cache overrides them.
# mypy: disable-error-code="misc"

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from layercache.backend import Lease
from layercache.cache import LayerInfoCache
from layercache.context import Context
from layercache.errors import ContextError
from layercache.meta import LayerMeta
from tests.kit.broken.registry import breaks, breaks_as_a_front
from tests.reference import ReferenceBackend


@breaks("clears_though_the_body_raises")
class ReleasesHoweverTheBodyEnds(ReferenceBackend):
    async def end_removal(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        await super().end_removal(ctx, repo, dgst, marker, has_returned=True)


class TreatsAsAReturn(LayerInfoCache):
    """Treats some errors of a body as a return."""

    error: type[BaseException]

    @asynccontextmanager
    async def removing(self, ctx: Context, repo: str, dgst: str) -> AsyncIterator[None]:
        marker = await self.backend.begin_removal(ctx, repo, dgst)
        has_returned = True
        try:
            yield
        except BaseException as error:
            has_returned = isinstance(error, self.error)
            raise
        finally:
            await self.backend.end_removal(ctx, repo, dgst, marker, has_returned=has_returned)


@breaks_as_a_front("clears_though_the_task_is_cancelled")
class TreatsACancellationAsAReturn(TreatsAsAReturn):
    error = asyncio.CancelledError


@breaks_as_a_front("holds_what_its_context_interrupted")
class TreatsAnEndedContextAsAReturn(TreatsAsAReturn):
    error = ContextError


@breaks("holds_its_own_half")
class HoldsEverything(ReferenceBackend):
    async def lease(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
        return None if self.holds else await super().lease(ctx, repo, dgst)


@breaks("a_retried_removal_keeps_the_hold")
class EndsTheHoldWithTheNextReturn(ReferenceBackend):
    async def end_removal(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        self.holds.discard((repo, dgst))
        await super().end_removal(ctx, repo, dgst, marker, has_returned=has_returned)


@breaks("a_retried_removal_keeps_the_hold")
class PlacesAMarkerOverTheHold(ReferenceBackend):
    async def begin_removal(self, ctx: Context, repo: str | None, dgst: str) -> str:
        self.holds.discard((repo, dgst))
        return await super().begin_removal(ctx, repo, dgst)


@breaks("an_overlapping_removal_keeps_the_hold")
class LeavesItToTheOthersMarker(ReferenceBackend):
    async def end_removal(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        is_marked = self.tokens.get((repo, dgst), marker) != marker
        await super().end_removal(ctx, repo, dgst, marker, has_returned=has_returned or is_marked)


@breaks("the_other_bracket_keeps_the_hold")
class EndsTheHoldOfTheOtherHalf(ReferenceBackend):
    async def begin_removal(self, ctx: Context, repo: str | None, dgst: str) -> str:
        self.holds = {key for key in self.holds if key[1] != dgst or key[0] == repo}
        return await super().begin_removal(ctx, repo, dgst)


@breaks("a_plain_removal_keeps_the_hold")
class ForgetsTheHold(ReferenceBackend):
    async def remove(self, ctx: Context, repo: str | None, dgst: str) -> None:
        if repo is None:
            self.holds.discard((None, dgst))
        await super().remove(ctx, repo, dgst)


@breaks("refuses_a_fill_after_an_interruption")
class KeepsTheTokenUnderTheHold(ReferenceBackend):
    async def end_removal(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        token = self.tokens.get((repo, dgst), "removal")
        await super().end_removal(ctx, repo, dgst, marker, has_returned=has_returned)
        if not has_returned and not token.startswith("removal"):
            self.tokens[repo, dgst] = token


@breaks_as_a_front("adds_nothing_under_a_hold")
class AddsUnguardedWithoutALease(LayerInfoCache):
    @asynccontextmanager
    async def adding(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> AsyncIterator[None]:
        is_held = await self.lease(ctx, repo, dgst) is None
        async with super().adding(ctx, repo, dgst, meta):
            yield
        if is_held:
            await self.put(ctx, repo, dgst, meta)
