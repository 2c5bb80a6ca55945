"""Auditor: takes a suspect to the source, and clears the cache of what is gone.

A suspect comes of two readings that were never true at one moment. So the source
is asked first, then, if it says no, the cache once more, and if that says yes, the
source again:

    1  the tree is listed: x does not have D
    2  D is pushed to x, and the cache remembers it
    3  the cache is scanned: x has D
    4  the source is asked: yes                             <- no difference

    1  the cache is scanned: x has D
    2  D is deleted from x, and the cache told
    3  the tree is listed: x does not have D
    4  the source is asked: no; the cache is asked: no      <- no difference

    1  the source is asked: no
    2  D is pushed to x, and the cache remembers it
    3  the cache is asked: yes; the source is asked: yes    <- no difference

What is pushed and deleted again between these questions may still be told.

To clear the cache is to bracket a question as one would a deletion. While it is
asked, no lease is given and none that was given holds, so that nobody brings back
what is gone. What is not gone after all is brought back by a fill, as a reader's:

    1  the cache is asked: yes; the source is asked: no
    2  D is pushed to x, and the cache remembers it
    3  the bracket clears it; in it, the source is asked: yes
    4  a lease is taken, the source asked again, the cache filled

An error of the source is never a no: it ends the audit, in a bracket too, where
it leaves the cache cleared of one entry, which costs a miss.
"""

from contextlib import AbstractAsyncContextManager

from layercache.asking import ask_membership, ask_meta
from layercache.cache import LayerInfoSource
from layercache.context import Context
from layercache.errors import CorruptEntryError, InvalidArgumentError, NotFoundError
from layercache.meta import LayerMeta
from layercache.scan import ScannableCache
from layercache.storage.report import Difference, Kind


class Auditor:
    """Asks a source what is true of a cache."""

    def __init__(self, cache: ScannableCache, source: LayerInfoSource) -> None:
        self._cache = cache
        self._source = source

    # ---- is it so?

    async def confirm(self, ctx: Context, suspect: Difference) -> Difference | None:
        """Return *suspect* if it is what it seems, None if all is well by now.

        A link of the storage that makes no sense is a difference of its own.
        """
        try:
            return suspect if await self._is_so(ctx, suspect) else None
        except CorruptEntryError as error:  # The cache's own are caught below.
            return suspect._replace(kind=Kind.CORRUPT, key=error.key, field=error.field)

    async def _is_so(self, ctx: Context, suspect: Difference) -> bool:
        match suspect:
            case Difference(Kind.STALE, None, str(dgst)):
                return await self._is_misplaced(ctx, dgst)
            case Difference(Kind.STALE, str(repo), str(dgst)):
                return await self._is_falsely_known(ctx, repo, dgst)
            case Difference(Kind.LEFTOVER, str(repo), str(dgst)):
                return await self._is_known(ctx, repo, dgst) is False
            case Difference(Kind.CORRUPT, None, str(dgst)):
                return await self._is_corrupt(ctx, dgst)
        return True

    async def _is_falsely_known(self, ctx: Context, repo: str, dgst: str) -> bool:
        if await self._has(ctx, repo, dgst) or not await self._is_known(ctx, repo, dgst):
            return False
        return not await self._has(ctx, repo, dgst)

    async def _is_misplaced(self, ctx: Context, dgst: str) -> bool:
        said, known = await self._where(ctx, dgst), await self._known(ctx, dgst)
        if known is None or _agree(said, known):
            return False
        return not _agree(await self._where(ctx, dgst), known)

    async def _is_known(self, ctx: Context, repo: str, dgst: str) -> bool | None:
        """Whether the cache says so; None: it makes no sense, which is a difference of its own."""
        try:
            return await self._cache.contains(ctx, repo, dgst)
        except CorruptEntryError:
            return None

    async def _known(self, ctx: Context, dgst: str) -> LayerMeta | None:
        try:
            return await self._cache.meta(ctx, dgst)
        except (NotFoundError, CorruptEntryError):
            return None

    async def _is_corrupt(self, ctx: Context, dgst: str) -> bool:
        try:
            await self._cache.meta(ctx, dgst)
        except NotFoundError:
            return False
        except CorruptEntryError:
            return True
        return False

    # ---- mend it

    async def fix(self, ctx: Context, difference: Difference) -> bool:
        """Clear the cache of *difference*; whether it was."""
        _, repo, dgst, *_ = difference
        if dgst is None:
            return repo is not None and await self._cache.discard(ctx, repo)
        known = await self._known(ctx, dgst)
        try:
            async with self._bracket(ctx, repo, dgst):
                is_there = await self._is_there(ctx, repo, dgst)
            if is_there:
                await self._restore(ctx, repo, dgst, known)
        except CorruptEntryError:  # So is what lies beside it, which is a difference of its own.
            return False
        return True

    def _bracket(self, ctx: Context, repo: str | None, dgst: str) -> AbstractAsyncContextManager[None]:
        if repo is None:
            return self._cache.forgetting(ctx, dgst)
        return self._cache.removing(ctx, repo, dgst)

    async def _restore(self, ctx: Context, repo: str | None, dgst: str, known: LayerMeta | None) -> None:
        lease = await self._cache.lease(ctx, repo, dgst)
        said = await self._where(ctx, dgst)
        if lease is not None and said is not None and await self._is_there(ctx, repo, dgst):
            # What the cache knew has the media type, too.
            meta = known if known is not None and _agree(said, known) else said
            await self._cache.fill(ctx, lease, meta)

    # ---- the source's word

    async def _is_there(self, ctx: Context, repo: str | None, dgst: str) -> bool:
        """Whether the source says yes; where it makes no sense, it does not."""
        try:
            if repo is None:
                return await self._where(ctx, dgst) is not None
            return await self._has(ctx, repo, dgst)
        except CorruptEntryError:
            return False

    async def _has(self, ctx: Context, repo: str, dgst: str) -> bool:
        try:
            return await ask_membership(self._source, ctx, repo, dgst)
        except InvalidArgumentError:  # No source has what cannot be named.
            return False

    async def _where(self, ctx: Context, dgst: str) -> LayerMeta | None:
        try:
            return await ask_meta(self._source, ctx, dgst)
        except (NotFoundError, InvalidArgumentError):
            return None


def _agree(said: LayerMeta | None, known: LayerMeta) -> bool:
    """Whether both name the same bytes; a source need not know of what type these are."""
    return said is not None and (said.path, said.length) == (known.path, known.length)
