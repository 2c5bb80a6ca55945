"""Caches that break the checks of `layercache.testing.brackets`, one each."""

# Public methods are final; only a broken cache overrides them.
# mypy: disable-error-code="misc"

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from layercache.backend import Lease
from layercache.cache import LayerInfoCache
from layercache.context import Context
from layercache.meta import LayerMeta
from tests.kit.broken.registry import breaks, breaks_as_a_front
from tests.reference import ReferenceBackend


@breaks("clears_before_and_after_the_body")
class ClearsOnlyBefore(ReferenceBackend):
    async def end_removal(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        del self.tokens[repo, dgst]


@breaks("leaves_the_other_half")
class ClearsEveryRepository(ReferenceBackend):
    async def begin_removal(self, ctx: Context, repo: str | None, dgst: str) -> str:
        self.members = {(known, other) for known, other in self.members if other != dgst}
        return await super().begin_removal(ctx, repo, dgst)


@breaks("gives_no_lease_meanwhile")
class IgnoresTheMarker(ReferenceBackend):
    async def lease(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
        marked = {key: token for key, token in self.tokens.items() if token.startswith("removal")}
        for key in marked:
            del self.tokens[key]
        lease = await super().lease(ctx, repo, dgst)
        self.tokens |= marked
        return lease


@breaks("refuses_a_fill_in_flight")
class KeepsTheTokenBesideTheMarker(ReferenceBackend):
    def __init__(self) -> None:
        super().__init__()
        self.old: dict[tuple[str | None, str], str] = {}

    async def begin_removal(self, ctx: Context, repo: str | None, dgst: str) -> str:
        self.old[repo, dgst] = self.tokens.get((repo, dgst), "")
        return await super().begin_removal(ctx, repo, dgst)

    def redeem(self, key: tuple[str | None, str], token: str) -> bool:
        return super().redeem(key, token) or (bool(token) and self.old.pop(key, None) == token)


@breaks_as_a_front("clears_though_the_body_raises")
class ClearsOnlyAfterSuccess(LayerInfoCache):
    @asynccontextmanager
    async def removing(self, ctx: Context, repo: str, dgst: str) -> AsyncIterator[None]:
        marker = await self.backend.begin_removal(ctx, repo, dgst)
        try:
            yield
        except asyncio.CancelledError:
            await self.backend.end_removal(ctx, repo, dgst, marker, has_returned=False)
            raise
        await self.backend.end_removal(ctx, repo, dgst, marker, has_returned=True)


@breaks_as_a_front("clears_though_the_task_is_cancelled")
class GivesUpWhenCancelled(LayerInfoCache):
    @asynccontextmanager
    async def forgetting(self, ctx: Context, dgst: str) -> AsyncIterator[None]:
        marker = await self.backend.begin_removal(ctx, None, dgst)
        try:
            yield
        except Exception:
            await self.backend.end_removal(ctx, None, dgst, marker, has_returned=False)
            raise
        await self.backend.end_removal(ctx, None, dgst, marker, has_returned=True)


@breaks_as_a_front("clears_though_the_context_ends")
class GivesUpWithTheContext(LayerInfoCache):
    @asynccontextmanager
    async def removing(self, ctx: Context, repo: str, dgst: str) -> AsyncIterator[None]:
        ctx.check()
        marker = await self.backend.begin_removal(ctx, repo, dgst)
        try:
            yield
        finally:
            if ctx.err() is None:
                await self.backend.end_removal(ctx, repo, dgst, marker, has_returned=True)


@breaks("lets_removals_overlap")
class DropsAnyMarker(ReferenceBackend):
    async def end_removal(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        self.clear((repo, dgst))
        self.tokens.pop((repo, dgst), None)


@breaks("lets_removals_end_in_any_order")
class ClearsOnlyUnderItsMarker(ReferenceBackend):
    async def end_removal(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        if self.tokens.get((repo, dgst)) == marker:
            self.clear((repo, dgst))
            del self.tokens[repo, dgst]


@breaks("a_plain_removal_spares_the_marker")
class RemovesTheMarker(ReferenceBackend):
    async def remove(self, ctx: Context, repo: str | None, dgst: str) -> None:
        self.clear((repo, dgst))
        self.tokens.pop((repo, dgst), None)


@breaks_as_a_front("adds_what_was_committed")
class AddsBeforeTheCommit(LayerInfoCache):
    @asynccontextmanager
    async def adding(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> AsyncIterator[None]:
        async with super().adding(ctx, repo, dgst, meta):
            lease = await self.backend.lease(ctx, repo, dgst)
            if lease is not None:
                await self.backend.fill(ctx, lease, meta)
            try:
                yield
            except BaseException:
                await self.backend.remove(ctx, repo, dgst)
                await self.backend.remove(ctx, None, dgst)
                raise


@breaks_as_a_front("adds_nothing_if_the_commit_fails")
class AddsThoughTheCommitFails(LayerInfoCache):
    @asynccontextmanager
    async def adding(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> AsyncIterator[None]:
        lease = await self.lease(ctx, repo, dgst)
        try:
            yield
        finally:
            if lease is not None:
                await self.backend.fill(ctx, lease, meta)


@breaks_as_a_front("adds_nothing_that_was_removed_meanwhile")
class AddsByAnUnguardedPut(LayerInfoCache):
    @asynccontextmanager
    async def adding(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> AsyncIterator[None]:
        async with super().adding(ctx, repo, dgst, meta):
            yield
        await self.backend.put(ctx, repo, dgst, meta)
