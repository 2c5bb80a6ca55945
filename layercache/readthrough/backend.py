"""ReadThroughBackend: a source behind a cache.

Reads fail open: where the cache fails, the source answers. What the source
said is filled in under a lease that was taken before it was asked, so that a
removal in between is not undone (see `cache.py`), and only after a true miss:
an entry that the cache could not read is not written over by a reader.

The order of the questions matters twice. Meta before membership, so that the
halves of an answer were true together; and nobody joins a flight from its first
question to the source on (see `flight.py`).
"""

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from typing import NamedTuple, TypeVar

from layercache.asking import ask_meta, ask_stat, to_backend_error
from layercache.backend import Backend, Lease, Peek
from layercache.context import Context
from layercache.context.loops import give_way
from layercache.errors import BackendError, CorruptEntryError, LayerCacheError, NotFoundError
from layercache.forwarding import ForwardingBackend
from layercache.meta import LayerMeta
from layercache.observed import ObservedSource, guarded, observed
from layercache.observer import Incidents, Observer
from layercache.readthrough.flight import Flight, Flights
from layercache.source import LayerInfoSource

T = TypeVar("T")

WIDTH = 100  # layers about which one bulk form asks the source at a time


class _Question(NamedTuple):
    """What a flight is about; *repo* is None if only the meta is asked for."""

    repo: str | None
    dgst: str
    was_missed: bool


class WholePeek:
    """A look for whole layers: `contains` is `stat` without the meta, as it is behind it."""

    def __init__(self, peek: Peek) -> None:
        self.meta = peek.meta
        self.stat = peek.stat

    def contains(self, repo: str, dgst: str) -> bool:
        """Whether *repo* is known here to have *dgst*, and where that lies."""
        return self.stat(repo, dgst) is not None


class ReadThroughBackend(ForwardingBackend):
    """Asks the cache behind it, and the source for what that does not know; it cannot be walked."""

    def __init__(
        self, cache: Backend, source: LayerInfoSource, observer: Observer | None, source_seconds: float
    ) -> None:
        observer = None if observer is None else guarded(observer)
        super().__init__(observed(cache, observer))
        self._source = source if observer is None else ObservedSource(source, observer)
        self._incidents = Incidents()
        self._flights: Flights[_Question, LayerMeta | None] = Flights(self._load, source_seconds)
        if self._backend.peek is not None:
            self.peek = WholePeek(self._backend.peek)

    # ---- beyond a backend

    async def confirm(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
        """Return what the source says now; heal the cache in passing."""
        lease = await self._lease_or_none(ctx, repo, dgst)
        try:
            meta = await ctx.run(self._ask(ctx, repo, dgst))
        except CorruptEntryError:  # That is no yes, and the cache may still know one.
            await self.report_missing(ctx, repo, dgst)
            raise
        if meta is None:
            await self.report_missing(ctx, repo, dgst)
            raise NotFoundError(dgst)
        await self._offer(ctx, lease, meta)
        return meta

    async def report_missing(self, ctx: Context, repo: str, dgst: str) -> None:
        """Have the cache drop both halves."""
        await self._forgiven("remove", self._backend.remove(ctx, repo, dgst))
        await self._forgiven("remove", self._backend.remove(ctx, None, dgst))

    # ---- reads

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        return await self._find(ctx, "contains", repo, dgst) is not None

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta | None:
        return await self._find(ctx, "meta", None, dgst)

    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta | None:
        return await self._find(ctx, "stat", repo, dgst)

    async def _find(self, ctx: Context, operation: str, repo: str | None, dgst: str) -> LayerMeta | None:
        meta, was_answered = await self._recall(ctx, operation, repo, dgst)
        if meta is not None:
            return meta
        return await self._flights.join(ctx, _Question(repo, dgst, was_missed=was_answered))

    async def _recall(
        self, ctx: Context, operation: str, repo: str | None, dgst: str
    ) -> tuple[LayerMeta | None, bool]:
        """What the cache knows, and whether it could answer: None is a miss only then."""
        known = self._backend.meta(ctx, dgst) if repo is None else self._backend.stat(ctx, repo, dgst)
        try:
            meta = await known
        except (BackendError, asyncio.CancelledError) as error:
            self._incidents.failed(operation, to_backend_error(error, "the cache"))
            return None, False
        self._incidents.worked(operation)
        return meta, True

    async def contains_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[bool]:
        return [meta is not None for meta in await self.stat_many(ctx, repo, dgsts)]

    async def stat_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[LayerMeta | None]:
        was_missed = True
        try:
            metas = await self._backend.stat_many(ctx, repo, dgsts)
            self._incidents.worked("stat_many")
        except (BackendError, asyncio.CancelledError) as error:
            self._incidents.failed("stat_many", to_backend_error(error, "the cache"))
            metas, was_missed = [None] * len(dgsts), False
        missing = dict.fromkeys(dgst for dgst, meta in zip(dgsts, metas, strict=True) if meta is None)
        found: dict[str, LayerMeta | None] = {}
        unknown = list(missing)
        for start in range(0, len(unknown), WIDTH):
            some = unknown[start : start + WIDTH]
            joined = [self._flights.join(ctx, _Question(repo, dgst, was_missed)) for dgst in some]
            found |= zip(some, await _all(joined), strict=True)
        return [meta or found[dgst] for dgst, meta in zip(dgsts, metas, strict=True)]

    # ---- a flight

    async def _load(self, flight: Flight[_Question, LayerMeta | None]) -> LayerMeta | None:
        ctx, (repo, dgst, was_missed) = flight.ctx, flight.key
        if flight.before is not None:
            flight.depart()  # The answer of the cache would be given to those aboard, too.
            meta, was_answered = await self._recall(ctx, _operation(repo), repo, dgst)
            if meta is not None:
                return meta
            was_missed = was_missed and was_answered
        lease = await self._lease_or_none(ctx, repo, dgst) if was_missed else None
        flight.depart()
        meta = await self._ask(ctx, repo, dgst)
        if meta is not None:
            await self._offer(ctx, lease, meta)
        return meta

    async def _ask(self, ctx: Context, repo: str | None, dgst: str) -> LayerMeta | None:
        try:
            if repo is None:
                return await ask_meta(self._source, ctx, dgst)
            return await ask_stat(self._source, ctx, repo, dgst)
        except NotFoundError:
            return None
        except LayerCacheError:
            await give_way()
            raise

    # ---- what may fail without the caller knowing

    async def _lease_or_none(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
        return await self._forgiven("lease", self._backend.lease(ctx, repo, dgst))

    async def _offer(self, ctx: Context, lease: Lease | None, meta: LayerMeta) -> None:
        if lease is not None:
            await self._forgiven("fill", self._backend.fill(ctx, lease, meta))

    async def _forgiven(self, operation: str, awaitable: Awaitable[T]) -> T | None:
        try:
            outcome = await awaitable
        except (BackendError, asyncio.CancelledError) as error:
            self._incidents.failed(operation, to_backend_error(error, "the cache"))
            return None
        self._incidents.worked(operation)
        return outcome

    @property
    def scannable(self) -> None:
        """None: what would be asked of this one, the source would answer."""
        return

    # ---- the end

    async def aclose(self) -> None:
        """Stop the flights and close the cache, even if this is cancelled meanwhile."""
        try:
            await self._flights.aclose()
        finally:
            await super().aclose()

    def __repr__(self) -> str:
        return f"{self._backend!r} before {self._source!r}"


def _operation(repo: str | None) -> str:
    """The operation by which a flight asks."""
    return "meta" if repo is None else "stat"


async def _all(awaitables: Sequence[Coroutine[object, object, T]]) -> list[T]:
    """The outcomes of all, or the first error once all have ended."""
    outcomes = await asyncio.gather(*awaitables, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, asyncio.CancelledError):
            raise to_backend_error(outcome, "one of many")
        if isinstance(outcome, BaseException):
            raise outcome
    return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
