"""The contract: what a layer info source answers and a layer info cache remembers.

Public methods are final. They check their input once, check the context, and
call the underscored twin, which a backend implements (`backend.py`). What a cache asks
of a name is only what keeps one key from being taken for another; the strict
grammar is the handler's (`names.py`).

Membership (*is this blob in that repository?*) and meta (*where does it lie?*)
are independent: either may be known without the other, and either may be
forgotten at any time. A miss is never an answer about the storage.

What keeps a cache true. The obvious order of things ends in a lie:

    1  reader: miss, asks the storage: "yes"
    2  remover: deletes the blob, clears the cache, answers 202
    3  reader: writes "yes" into the cache          <- for ever

So whoever is about to ask the storage first takes a lease, a token beside each
of the two keys; to fill is to store each part only while its token still lies
there; to remove is to clear the key and its token. While a removal is under
way, a closing marker lies in the token's place, and no lease is given; nor is one
for a while after a removal that was interrupted, by a hold (`brackets.py`). A token
may be lost at any time: that costs a miss, never a lie. (Memcache's leases:
Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013.)
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Protocol, Self, final

from layercache.backend import Backend, Lease
from layercache.brackets import closing
from layercache.checks import (
    require_digest,
    require_half,
    require_key,
    require_keys,
    require_meta,
    require_token,
)
from layercache.context import Context
from layercache.errors import BackendError, ContextError, InvalidArgumentError, shown
from layercache.meta import LayerMeta


class LayerInfoSource(Protocol):
    """What can answer: a registry's storage, or a cache. Its answers are checked as arguments are."""

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        """Whether the repository *repo* has the blob *dgst*: a `bool` itself."""

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        """Where the blob *dgst* lies, as a meta that `set_meta` would take, or `NotFoundError`."""


class LayerInfoCache(Backend):
    """What is known of a registry's layers, by repository and digest.

    Every operation may raise, beside what it names itself:

        InvalidArgumentError: An argument is malformed, a name of a subclass of
            `str` other than `Repository` and `Digest` too; nothing was asked.
        ContextError: *ctx* had ended, or ended before the answer came. What
            was to be written may have been.
        BackendError: The store could not answer, or answered nonsense.
    """

    # ---- the four words of the ancestor

    @final
    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        """Return whether *repo* is known to have *dgst*.

        False says nothing about the storage: it may be a miss.
        """
        require_key(repo, dgst)
        if ctx.has_ended():
            await ctx.fail()
        return await self._contains(ctx, repo, dgst)

    @final
    async def add(self, ctx: Context, repo: str, dgst: str) -> None:
        """Remember that *repo* has *dgst*.

        A plain word, for those who know; a handler uses `adding`, since
        between processes a plain word can come late.
        """
        require_key(repo, dgst)
        await _require_live(ctx)
        await self._add(ctx, repo, dgst)

    @final
    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        """Return where *dgst* lies.

        Membership is not implied: test it where access depends on it, or use
        `stat`.

        Raises:
            NotFoundError: Nothing is known of *dgst*.
        """
        require_digest(dgst)
        if ctx.has_ended():
            await ctx.fail()
        return await self._meta(ctx, dgst)

    @final
    async def set_meta(self, ctx: Context, dgst: str, meta: LayerMeta) -> None:
        """Remember where *dgst* lies; a plain word, as `add` is."""
        require_digest(dgst)
        require_meta(meta)
        await _require_live(ctx)
        await self._set_meta(ctx, dgst, meta)

    # ---- both halves at once

    @final
    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
        """Return where *dgst* lies if *repo* is known to have it, in one round trip.

        Raises:
            NotFoundError: One of the two is not known.
        """
        require_key(repo, dgst)
        if ctx.has_ended():
            await ctx.fail()
        return await self._stat(ctx, repo, dgst)

    @final
    async def put(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> None:
        """Remember both halves, in one round trip; a plain word, as `add` is."""
        require_key(repo, dgst)
        require_meta(meta)
        await _require_live(ctx)
        await self._put(ctx, repo, dgst, meta)

    @final
    async def contains_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[bool]:
        """Return what `contains` would for each of *dgsts*, in their order.

        Of a cache in Redis, in one round trip for each thousand. Not promised:
        that what took several round trips was true at one moment.
        """
        require_keys(repo, dgsts)
        await _require_live(ctx)
        return await self._contains_many(ctx, repo, dgsts)

    @final
    async def stat_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[LayerMeta | None]:
        """Return what `stat` would for each of *dgsts*, None for a miss; as `contains_many`."""
        require_keys(repo, dgsts)
        await _require_live(ctx)
        return await self._stat_many(ctx, repo, dgsts)

    # ---- what is gone

    @final
    async def remove(self, ctx: Context, repo: str, dgst: str) -> None:
        """Forget that *repo* has *dgst*; every lease for it that was given is void.

        To be called after the storage has deleted it, and then not enough by
        itself against readers of that moment: a handler uses `removing`.
        """
        require_key(repo, dgst)
        await _require_live(ctx)
        await self._remove(ctx, repo, dgst)

    @final
    async def forget(self, ctx: Context, dgst: str) -> None:
        """Forget where *dgst* lies, for every repository; leases for it are void."""
        require_digest(dgst)
        await _require_live(ctx)
        await self._forget(ctx, dgst)

    # ---- what keeps it true

    @final
    async def lease(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
        """Return the right to fill *dgst* in *repo*; None while it is being removed.

        Those who ask at the same time may share one. It ends by itself.

        Args:
            ctx: What the call is bound by.
            repo: None for the right to fill the meta alone.
            dgst: The digest.
        """
        require_half(repo, dgst)
        await _require_live(ctx)
        return await self._lease(ctx, repo, dgst)

    @final
    async def fill(self, ctx: Context, lease: Lease, meta: LayerMeta) -> bool:
        """Remember what *lease* is for, each half only while the lease still holds for it.

        Returns:
            Whether all of it was stored. If not, one half may have been.
        """
        if type(lease) is not Lease:
            raise InvalidArgumentError(f"not a lease: {shown(lease)}")
        require_half(lease.repo, lease.dgst)
        require_token(lease.membership)
        require_token(lease.meta)
        require_meta(meta)
        await _require_live(ctx)
        return await self._fill(ctx, lease, meta)

    @final
    @asynccontextmanager
    async def removing(self, ctx: Context, repo: str, dgst: str) -> AsyncIterator[None]:
        """Bracket the deletion of *dgst* from *repo*; on leaving, the cache says no.

        Once this was left without an error, no later answer says yes unless a
        later commit made it true. However the body ends, even cancelled, the
        membership is cleared once more before that is passed on.

            async with cache.removing(ctx, repo, dgst):
                await storage.unlink(...)

        A body that is left by an exception, a cancellation or an ended context
        leaves a hold, for nobody knows whether the storage will still delete:
        for the cache's `closing_seconds` from then on the membership cannot be
        filled, and what is asked for is a miss. No other bracket ends that
        sooner, nor does `remove`. So let what interrupts the deletion leave the
        body, and raise what is no interruption, a 404 say, after it.

        Raises:
            BackendError: On entering, the removal could not be announced, and
                the body has not run. On leaving, the last clearing failed: do
                not acknowledge the deletion.

        Not promised: truth if the storage deletes after a body that returned,
        or later than `closing_seconds` after one that was interrupted. If the
        hold could not be placed, as a note of the body's error says, these
        seconds count from the begin of the bracket.
        """
        require_key(repo, dgst)
        await _require_live(ctx)
        async with closing(ctx, self, repo, dgst):
            yield

    @final
    @asynccontextmanager
    async def forgetting(self, ctx: Context, dgst: str) -> AsyncIterator[None]:
        """Bracket the deletion of the blob *dgst* itself, as `removing` does that of a link.

        All that is said there holds: an interrupted body leaves a hold, on the
        meta of *dgst*, and then no repository's entry of it can be filled.

        Raises:
            BackendError: As `removing` raises it.
        """
        require_digest(dgst)
        await _require_live(ctx)
        async with closing(ctx, self, None, dgst):
            yield

    @final
    @asynccontextmanager
    async def adding(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> AsyncIterator[None]:
        """Bracket the commit of *dgst* to *repo*; on leaving, both halves are remembered.

        They are not if a removal came between, if the body raised, or if the
        cache could not be reached: then the body runs all the same, and its
        outcome stands. Only if *ctx* ends first, the body does not run.

            async with cache.adding(ctx, repo, dgst, meta):
                await storage.commit(...)
        """
        require_key(repo, dgst)
        require_meta(meta)
        await _require_live(ctx)
        try:
            lease = await self._lease(ctx, repo, dgst)
        except BackendError:
            lease = None
        yield
        if lease is not None:
            # The commit stands, and what is not remembered is a miss.
            with suppress(BackendError, ContextError):
                await self.fill(ctx, lease, meta)

    # ---- its life

    async def aclose(self) -> None:  # a cache may hold nothing
        """Let go of what the cache holds; calling it twice is harmless."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def _require_live(ctx: Context) -> None:
    """Raise `ContextError` if *ctx* has ended; a read is spared this coroutine."""
    if ctx.has_ended():
        await ctx.fail()
