"""Reconciler: a cache held against a source, from end to end.

A cache forgets, and that costs a miss. It lies only where something was changed
behind its back: a replica with old data became the master, somebody deleted files,
a sweep of the Go registry ran. Whoever runs a registry then wants to know what the
cache still claims, and to have it forget that and nothing else.

To ask the source for each of a million entries would take hours in a bucket; to
list it, minutes. But a listing comes in the order of its paths, a scan in the order
of a hash table, and a membership needs both a link, in one end of the tree, and a
blob, in another. So the walk has two steps:

    1  the cache is scanned, the links are listed, and what they say is spilled,
       by the digests' first two digits (`spill.py`)
    2  part by part, the blobs are listed, and all that is said of these digests
       is compared; what does not fit is taken to the source (`audit.py`)

In memory are one part, a 256th of the whole, and the blobs of the next few. A part
that has more, since one layer of it is in very many repositories, is cut into
slices once more, and told slice by slice. The disk has about 110 bytes for each
membership, link and meta, and those of such a part twice.

A walk that was interrupted goes on with the part that it was in. What came of the
first step is lost then, and that is right: it has aged, and a position in a scan
means nothing to another server.

Limits: a link of the right length is not read, and taken to name its own digest.
What changes during the walk may be missed, and is for the next.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from math import ceil

from layercache.cache import LayerInfoCache
from layercache.context import Context
from layercache.context.together import ahead, for_each, together
from layercache.errors import InvalidArgumentError, shown
from layercache.reconcile import comparison
from layercache.reconcile.audit import Auditor
from layercache.reconcile.report import Difference, Kind, Report, Tally
from layercache.reconcile.spill import HELD, Spill
from layercache.source import PARTS, FullListing, LayerInfoSource, Links, ListableSource, Listing, part_of

LISTINGS_AHEAD = 4  # parts of which the blobs are listed while one is compared


class Reconciler:
    """Finds what a cache and a source do not agree on."""

    def __init__(
        self,
        cache: LayerInfoCache,
        source: LayerInfoSource,
        *,
        on_difference: Callable[[Difference], object] | None = None,
        on_progress: Callable[[Report], object] | None = None,
        concurrency: int = 16,
    ) -> None:
        """Hold *cache* against *source*.

        Args:
            cache: The cache itself, not what reads through it or lies before it.
            source: Who is right. If it is a `ListableSource`, as a
                `StorageSource` is, only what does not fit its listing is asked
                for; if not, everything is, and nothing is ever missing.
            on_difference: Is told each difference.
            on_progress: Is told how far the walk is, every thousand entries or so.
            concurrency: How many questions the source is asked at a time; at least 1.

        Raises:
            InvalidArgumentError: *concurrency* is less than 1.
            UnsupportedError: *cache* cannot be walked.
        """
        if concurrency < 1:
            raise InvalidArgumentError(f"at least one question at a time, not {shown(concurrency)}")
        cache.require_scannable()
        self._cache = cache
        self._source = source
        self._on_difference = on_difference
        self._on_progress = on_progress
        self._concurrency = concurrency

    async def run(self, ctx: Context, fix: bool = False, cursor: str = "") -> Report:
        """Walk all of the cache, which may be in use, and return what was found.

        Differences are told part by part. If a walk is interrupted, and another
        goes on from the cursor of its last report, the two tell together what
        one would have told. Only with *fix*, an interrupted walk tells what it has
        found in the part that it was in as well; what it could not fix any more
        is told again. So is what was told of a part that is too large to be held
        (of more than 32,768 records), if the walk is interrupted in it.

        Args:
            ctx: Ends the walk.
            fix: Whether the cache is to forget what is stale, corrupt or left
                over. Each is bracketed as a deletion is, and the source asked
                once more inside; what it has after all is remembered again.
            cursor: Of the last report of a walk that was interrupted.

        Returns:
            The last report. What is stale was asked for, of the source, of the
            cache and of the source again, right before it was told; what is missing or left over
            was so at some moment of the walk.

        Raises:
            InvalidArgumentError: *cursor* is none.
            ContextError: *ctx* ended first.
            BackendError: The cache or the source could not answer, which is
                never taken for a no; or there is no room for temporary files.
        """
        tally = Tally(cursor, self._on_difference, self._on_progress)
        await ctx.run(self._walk(ctx, _parts_after(cursor), tally, fix=fix))
        return tally.report

    async def _walk(self, ctx: Context, parts: Sequence[str], tally: Tally, *, fix: bool) -> None:
        listing = await self._source.listing(ctx) if isinstance(self._source, ListableSource) else None
        if isinstance(listing, FullListing):
            tally.strays = listing.strays
        sides = _Sides(self._cache, listing, tally)
        with Spill(parts) as spill:
            await together(sides.spill_cache(ctx, spill), sides.spill_links(ctx, spill))
            listed = ahead(lambda part: sides.list_blobs(ctx, part), parts, LISTINGS_AHEAD)
            async with aclosing(listed):
                async for part, blobs in listed:
                    async with aclosing(_suspects(spill, part, blobs)) as slices:
                        async for suspects in slices:
                            await self._settle(ctx, suspects, tally, fix=fix)
                    tally.finished(part)

    async def _settle(self, ctx: Context, suspects: Sequence[Difference], tally: Tally, *, fix: bool) -> None:
        """Take *suspects*, all of a slice, to the source, and tell what comes of it."""
        auditor = Auditor(self._cache, self._source)
        found: dict[Difference, Difference] = {}

        async def settle(suspect: Difference) -> None:
            difference = await auditor.confirm(ctx, suspect)
            if difference is not None:
                found[suspect] = difference
            if fix and difference == suspect:  # What is corrupt in the storage is not for us to mend.
                found[suspect] = suspect._replace(fixed=await auditor.fix(ctx, suspect))

        try:
            missing = {suspect: suspect for suspect in suspects if suspect.kind is Kind.MISSING}
            await for_each(
                settle, (suspect for suspect in suspects if suspect not in missing), self._concurrency
            )
        except BaseException:
            if fix:
                tally.found(found.values())
            raise
        found |= missing
        tally.found(found[suspect] for suspect in suspects if suspect in found)

    def __repr__(self) -> str:
        return f"<Reconciler of {self._cache!r} with {self._source!r}>"


class _Sides:
    """What is read of the two."""

    def __init__(self, cache: LayerInfoCache, listing: Listing | None, tally: Tally) -> None:
        self._cache = cache
        self._listing = listing
        self._tally = tally

    async def spill_cache(self, ctx: Context, spill: Spill) -> None:
        async for members, metas, traces, corrupt in self._cache.scan(ctx):
            for repo, dgst in members:
                spill.add(part_of(dgst), comparison.member_record(repo, dgst))
            for dgst, meta in metas:
                spill.add(part_of(dgst), comparison.meta_record(dgst, meta))
            for repo, dgst in traces:
                spill.add(part_of(dgst), comparison.trace_record(repo, dgst))
            for key in corrupt:
                spill.add(part_of(key.dgst or ""), comparison.corrupt_record(key))
            self._tally.read(known=len(members) + len(metas))
            await spill.relieve()

    async def spill_links(self, ctx: Context, spill: Spill) -> None:
        async for links, manifests in self._members(ctx):
            for repo, dgst in links:
                spill.add(part_of(dgst), comparison.link_record(repo, dgst))
            for repo, dgst in manifests:
                spill.add(part_of(dgst), comparison.manifest_record(repo, dgst))
            self._tally.read(listed=len(links))
            await spill.relieve()

    async def _members(self, ctx: Context) -> AsyncIterator[tuple[Links, Links]]:
        if isinstance(self._listing, FullListing):
            async for links, manifests in self._listing.members(ctx):
                yield links, manifests
        elif self._listing is not None:
            async for links in self._listing.links(ctx):
                yield links, ()

    async def list_blobs(self, ctx: Context, part: str) -> dict[str, int]:
        lengths: dict[str, int] = {}
        if self._listing is not None:
            async for blobs in self._listing.blobs(ctx, part):
                lengths.update(blobs)
                self._tally.read(listed=len(blobs))
        return lengths


def _parts_after(cursor: str) -> Sequence[str]:
    """The parts that are still to be walked."""
    if not cursor:
        return PARTS
    if cursor not in PARTS:
        raise InvalidArgumentError(f"not a cursor: {shown(cursor)}")
    return PARTS[PARTS.index(cursor) + 1 :]


async def _suspects(
    spill: Spill, part: str, lengths: dict[str, int]
) -> AsyncGenerator[list[Difference], None]:
    """What does not fit in *part*; slice by slice, if it is too large to be held."""
    count = ceil(spill.size(part) / HELD)
    if count <= 1:
        yield await asyncio.to_thread(_compare, spill, part, lengths)
        return
    names = comparison.slices(count)
    with Spill(names) as cut:
        slice_of = partial(comparison.slice_of, count=count)
        await asyncio.to_thread(spill.pour, part, cut, slice_of)
        for name in names:
            has_metas = name == comparison.WITH_METAS
            yield await asyncio.to_thread(_compare, cut, name, lengths, has_metas=has_metas)


def _compare(spill: Spill, part: str, lengths: dict[str, int], *, has_metas: bool = True) -> list[Difference]:
    return comparison.suspects(spill.take(part), lengths, has_metas=has_metas)
