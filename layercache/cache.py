"""The one front: what a layer info cache remembers, whatever it is kept in.

A `LayerInfoCache` checks the arguments and the context of each operation, and
asks the backend that it holds (`backend.py`). Here, and nowhere below, stand the
checks and the brackets. They ask of a name only what keeps one key from being
taken for another; the strict grammar is the handler's (`names.py`).

Membership (*is this blob in that repository?*) and meta (*where does it lie?*)
are independent: either may be known without the other, and either may be
forgotten at any time. A miss is never an answer about the storage.

What keeps a cache true. The obvious order of things ends in a stale entry:

    1  reader: miss, asks the storage: "yes"
    2  remover: deletes the blob, clears the cache, answers 202
    3  reader: writes "yes" into the cache          <- for ever

So whoever is about to ask the storage first takes a lease, a token beside each
of the two keys; to fill is to store each part only while its token still lies
there; to remove is to clear the key and its token. While a removal is under
way, a removal marker lies in the token's place, and no lease is given; nor is one
for a while after a removal that was interrupted, by a hold (`removal.py`). A token
may be lost at any time: that costs a miss, never a stale answer. (Memcache's
leases: Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013.)
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Self, final

from layercache.backend import Backend, Batch, Lease, Scannable
from layercache.context import ROOT, Context
from layercache.errors import InvalidArgumentError, NotFoundError, UnsupportedError, shown
from layercache.meta import LayerMeta
from layercache.names import Digest, Repository
from layercache.removal import commit, removal
from layercache.source import LayerInfoSource
from layercache.validation import (
    require_digest,
    require_half,
    require_key,
    require_keys,
    require_meta,
    require_repository,
    require_token,
)


class LayerInfoCache(LayerInfoSource):
    """What is known of a registry's layers, by repository and digest.

    Every operation may raise, beside what it names itself:

        InvalidArgumentError: An argument is malformed; nothing was asked.
        ContextError: *ctx* had ended, or ended before the answer came. What
            was to be written may have been.
        BackendError: The store could not answer, or answered nonsense.

    Attributes:
        backend: Where the knowledge is kept; it belongs to this cache.
    """

    def __init__(self, backend: Backend) -> None:
        """Keep what is known in *backend*, which is closed with this cache."""
        self.backend: Backend = backend
        self._peek = backend.peek

    # ---- hot path: a hit in this process is served without a further coroutine, which is 58 ns of 210

    @final
    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        """Return whether *repo* is known to have *dgst*.

        False says nothing about the storage: it may be a miss.
        """
        if self._peek is not None and self._peek.contains(repo, dgst):
            if ctx is not ROOT and ctx.has_ended():
                await ctx.fail()
            return True
        if type(dgst) is not Digest or type(repo) is not Repository:
            require_key(repo, dgst)  # What was found was checked when it was stored.
        if ctx is not ROOT and ctx.has_ended():
            await ctx.fail()
        return await self.backend.contains(ctx, repo, dgst)

    @final
    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        """Return where *dgst* lies.

        Membership is not implied: test it where access depends on it, or use
        `stat`.

        Raises:
            NotFoundError: Nothing is known of *dgst*.
        """
        if self._peek is not None and (meta := self._peek.meta(dgst)) is not None:
            if ctx is not ROOT and ctx.has_ended():
                await ctx.fail()
            return meta
        if type(dgst) is not Digest:
            require_digest(dgst)
        if ctx is not ROOT and ctx.has_ended():
            await ctx.fail()
        known = await self.backend.meta(ctx, dgst)
        if known is None:
            raise NotFoundError(dgst)
        return known

    @final
    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
        """Return where *dgst* lies if *repo* is known to have it, in one round trip.

        Raises:
            NotFoundError: One of the two is not known.
        """
        if self._peek is not None and (meta := self._peek.stat(repo, dgst)) is not None:
            if ctx is not ROOT and ctx.has_ended():
                await ctx.fail()
            return meta
        if type(dgst) is not Digest or type(repo) is not Repository:
            require_key(repo, dgst)
        if ctx is not ROOT and ctx.has_ended():
            await ctx.fail()
        known = await self.backend.stat(ctx, repo, dgst)
        if known is None:
            raise NotFoundError(dgst)
        return known

    # ---- many at once

    @final
    async def contains_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[bool]:
        """Return what `contains` would for each of *dgsts*, in their order, in one round trip."""
        require_keys(repo, dgsts)
        if ctx.has_ended():
            await ctx.fail()
        return await self.backend.contains_many(ctx, repo, dgsts)

    @final
    async def stat_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[LayerMeta | None]:
        """Return what `stat` would for each of *dgsts*, None for a miss, in one round trip."""
        require_keys(repo, dgsts)
        if ctx.has_ended():
            await ctx.fail()
        return await self.backend.stat_many(ctx, repo, dgsts)

    # ---- remembering without a lease: between processes it can come late, so handlers use `adding`

    @final
    async def add(self, ctx: Context, repo: str, dgst: str) -> None:
        """Remember that *repo* has *dgst*; a handler uses `adding`, since between processes this can come late."""
        require_key(repo, dgst)
        if ctx.has_ended():
            await ctx.fail()
        await self.backend.add(ctx, repo, dgst)

    @final
    async def set_meta(self, ctx: Context, dgst: str, meta: LayerMeta) -> None:
        """Remember where *dgst* lies; without a lease, as `add`."""
        require_digest(dgst)
        require_meta(meta)
        if ctx.has_ended():
            await ctx.fail()
        await self.backend.set_meta(ctx, dgst, meta)

    @final
    async def put(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> None:
        """Remember both halves, in one round trip; without a lease, as `add`."""
        require_key(repo, dgst)
        require_meta(meta)
        if ctx.has_ended():
            await ctx.fail()
        await self.backend.put(ctx, repo, dgst, meta)

    # ---- what is gone

    @final
    async def remove(self, ctx: Context, repo: str, dgst: str) -> None:
        """Forget that *repo* has *dgst*; every lease for it that was given is void.

        To be called after the storage has deleted it, and then not enough by
        itself against readers of that moment: a handler uses `removing`.
        """
        require_key(repo, dgst)
        if ctx.has_ended():
            await ctx.fail()
        await self.backend.remove(ctx, repo, dgst)

    @final
    async def forget(self, ctx: Context, dgst: str) -> None:
        """Forget where *dgst* lies, for every repository; leases for it are void."""
        require_digest(dgst)
        if ctx.has_ended():
            await ctx.fail()
        await self.backend.remove(ctx, None, dgst)

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
        if ctx.has_ended():
            await ctx.fail()
        return await self.backend.lease(ctx, repo, dgst)

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
        if ctx.has_ended():
            await ctx.fail()
        return await self.backend.fill(ctx, lease, meta)

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
        if ctx.has_ended():
            await ctx.fail()
        async with removal(ctx, self.backend, repo, dgst):
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
        if ctx.has_ended():
            await ctx.fail()
        async with removal(ctx, self.backend, None, dgst):
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
        if ctx.has_ended():
            await ctx.fail()
        async with commit(ctx, self.backend, repo, dgst, meta):
            yield

    # ---- the walk of all there is

    @final
    def scan(self, ctx: Context) -> AsyncIterator[Batch]:
        """Walk all that the cache knows, in no order, while it is in use.

        What is known from the beginning of the walk to its end is told, and
        may be told twice; what comes or goes meanwhile is told or not. What is
        corrupt is told, not raised.

        Raises:
            UnsupportedError: The backend of this cache cannot be walked.
        """
        return self.require_scannable().scan(ctx)

    @final
    def list_repository(self, ctx: Context, repo: str) -> AsyncIterator[Sequence[str]]:
        """Walk the digests that *repo* is known to have, page by page, in no order, as `scan` does.

        A page may be empty. What is corrupt is left out; `scan` reports it.

        Raises:
            UnsupportedError: The backend of this cache cannot be walked.
        """
        require_repository(repo)
        return self.require_scannable().list_repository(ctx, repo)

    @final
    async def discard(self, ctx: Context, repo: str) -> bool:
        """Drop what is kept of the members of *repo* if, as a whole, it makes no sense.

        Returns:
            Whether it was dropped. No answer is lost by that: there was none.

        Raises:
            UnsupportedError: The backend of this cache cannot be walked.
        """
        require_repository(repo)
        if ctx.has_ended():
            await ctx.fail()
        return await self.require_scannable().discard(ctx, repo)

    @final
    def require_scannable(self) -> Scannable:
        """Return the backend that can be walked.

        Raises:
            UnsupportedError: The backend of this cache cannot be walked.
        """
        found = self.backend.scannable
        if found is None:
            raise UnsupportedError(f"{self!r} cannot be walked: its backend is not a Scannable")
        return found

    # ---- the end

    async def aclose(self) -> None:
        """Let go of what the cache holds; calling it twice is harmless."""
        await self.backend.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.backend!r}>"
