"""ReadThroughCache: a source behind a cache.

Reads fail open: where the cache fails, the source answers. What the source
said is filled in under a lease that was taken before it was asked, so that a
removal in between is not undone (see `cache.py`), and only after a true miss:
an entry that the cache could not read is not written over by a reader.

The order of the questions matters twice. Meta before membership, so that the
halves of an answer were true together; and a flight departs before its first
question (see `flight.py`).
"""

import asyncio
import time
from collections.abc import Awaitable, Coroutine, Sequence
from typing import NamedTuple, TypeVar

from layercache.asking import ask_membership, ask_meta, to_backend_error
from layercache.backend import Lease
from layercache.cache import LayerInfoCache, LayerInfoSource
from layercache.checks import require_key, require_seconds
from layercache.context import Context
from layercache.errors import BackendError, CorruptEntryError, NotFoundError
from layercache.events import Incidents, Observer, guarded
from layercache.flight import Flight, Flights
from layercache.forwarding import ForwardingCache
from layercache.meta import LayerMeta

T = TypeVar("T")


class _Question(NamedTuple):
    """What a flight is about; *repo* is None if only the meta is asked for."""

    repo: str | None
    dgst: str
    was_missed: bool


class ReadThroughCache(ForwardingCache):
    """Answers from *cache*, and from *source* what the cache does not know.

    It is a `LayerInfoCache` with two differences. Its reads answer for the
    source: `contains` is `stat` without the meta, for a digest that was
    forgotten is claimed by no repository, though its membership lies in many
    sets; and `NotFoundError` means that the source does not have it. And its
    reads raise `BackendError` only if the source failed too, or said what no
    cache could keep.
    """

    def __init__(
        self,
        cache: LayerInfoCache,
        source: LayerInfoSource,
        *,
        observer: Observer | None = None,
        source_seconds: float = 30.0,
    ) -> None:
        """Put *cache* before *source*.

        Args:
            cache: Closed with this one.
            source: A registry's storage, or another cache.
            observer: Is told of hits, misses, fills and failures.
            source_seconds: More than 0: how long the source may take to
                answer one question.

        Raises:
            InvalidArgumentError: *source_seconds* is no number above 0.
        """
        require_seconds("source_seconds", source_seconds)
        super().__init__(cache)
        self._source = source
        self._observer = Observer() if observer is None else guarded(observer)
        self._incidents = Incidents(self._observer)
        self._flights: Flights[_Question, LayerMeta | None] = Flights(self._load, source_seconds)

    # ---- beyond the contract

    async def confirm(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
        """Return what the source says now, even if the cache knows an answer.

        For "may this upload be skipped?", where a lie would lose data. It
        joins no flight and heals the cache in passing: a yes by a fill, a no
        and what makes no sense by a removal.

        Raises:
            NotFoundError: The source does not have it.
            ContextError: *ctx* ended before the source answered.
            CorruptEntryError: What the source has of it, or says, makes no sense.
            BackendError: The source failed, be it by a CancelledError of its own.
        """
        require_key(repo, dgst)
        ctx.check()
        lease = await self._lease_or_none(ctx, repo, dgst)
        try:
            meta = _or_not_found(await ctx.run(self._ask(ctx, repo, dgst)), dgst)
        except (NotFoundError, CorruptEntryError):  # Neither is a yes: the cache may still know one.
            await self._clear(ctx, "confirm", repo, dgst)
            raise
        await self._offer(ctx, lease, meta)
        return meta

    async def report_missing(self, ctx: Context, repo: str, dgst: str) -> None:
        """Have the cache drop *dgst*: its meta named a path, and nothing was there.

        The next read asks the source again. A failure of the cache is told to
        the observer only: who reports this has an error of their own to tell.
        """
        require_key(repo, dgst)
        ctx.check()
        await self._clear(ctx, "report_missing", repo, dgst)

    # ---- reads

    async def _contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        return await self._find(ctx, "contains", repo, dgst) is not None

    async def _meta(self, ctx: Context, dgst: str) -> LayerMeta:
        return _or_not_found(await self._find(ctx, "meta", None, dgst), dgst)

    async def _stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
        return _or_not_found(await self._find(ctx, "stat", repo, dgst), dgst)

    async def _find(self, ctx: Context, operation: str, repo: str | None, dgst: str) -> LayerMeta | None:
        meta, was_answered = await self._recall(ctx, operation, repo, dgst)
        if meta is not None:
            self._observer.hit(operation)
            return meta
        if was_answered:
            self._observer.miss(operation)
        return await self._flights.join(ctx, _Question(repo, dgst, was_missed=was_answered))

    async def _recall(
        self, ctx: Context, operation: str, repo: str | None, dgst: str
    ) -> tuple[LayerMeta | None, bool]:
        """What the cache knows, and whether it could answer: None is a miss only then."""
        known = self._cache._meta(ctx, dgst) if repo is None else self._cache._stat(ctx, repo, dgst)
        try:
            meta: LayerMeta | None = await known
        except NotFoundError:
            meta = None
        except (BackendError, asyncio.CancelledError) as error:
            self._incidents.failed(operation, to_backend_error(error, "the cache"))
            return None, False
        self._incidents.worked(operation)
        return meta, True

    async def _contains_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[bool]:
        return [meta is not None for meta in await self._stat_many(ctx, repo, dgsts)]

    async def _stat_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[LayerMeta | None]:
        was_missed = True
        try:
            metas = await self._cache._stat_many(ctx, repo, dgsts)
            self._incidents.worked("stat_many")
        except (BackendError, asyncio.CancelledError) as error:
            self._incidents.failed("stat_many", to_backend_error(error, "the cache"))
            metas, was_missed = [None] * len(dgsts), False
        for meta in metas:
            if meta is not None:
                self._observer.hit("stat_many")
            elif was_missed:
                self._observer.miss("stat_many")
        missing = dict.fromkeys(dgst for dgst, meta in zip(dgsts, metas, strict=True) if meta is None)
        joined = [self._flights.join(ctx, _Question(repo, dgst, was_missed)) for dgst in missing]
        found = dict(zip(missing, await _all(joined), strict=True))
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
        begin = time.perf_counter()
        try:
            meta = await ask_meta(self._source, ctx, dgst)
            is_member = repo is None or await ask_membership(self._source, ctx, repo, dgst)
        except NotFoundError:
            return None
        else:
            return meta if is_member else None
        finally:
            self._observer.asked(_operation(repo), time.perf_counter() - begin)

    # ---- what may fail without the caller knowing

    async def _lease_or_none(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
        return await self._forgiven("lease", self._cache._lease(ctx, repo, dgst))

    async def _offer(self, ctx: Context, lease: Lease | None, meta: LayerMeta) -> None:
        if lease is not None:
            self._observer.filled(bool(await self._forgiven("fill", self._cache._fill(ctx, lease, meta))))

    async def _clear(self, ctx: Context, operation: str, repo: str, dgst: str) -> None:
        await self._forgiven(operation, self._cache._remove(ctx, repo, dgst))
        await self._forgiven(operation, self._cache._forget(ctx, dgst))

    async def _forgiven(self, operation: str, awaitable: Awaitable[T]) -> T | None:
        try:
            outcome = await awaitable
        except (BackendError, asyncio.CancelledError) as error:
            self._incidents.failed(operation, to_backend_error(error, "the cache"))
            return None
        self._incidents.worked(operation)
        return outcome

    # ---- its life

    async def aclose(self) -> None:
        """Stop the flights and close the cache, even if this is cancelled meanwhile."""
        try:
            await self._flights.aclose()
        finally:
            await super().aclose()

    def __repr__(self) -> str:
        return f"<ReadThroughCache {self._cache!r} before {self._source!r}>"


def _operation(repo: str | None) -> str:
    """The operation by which a flight asks."""
    return "meta" if repo is None else "stat"


def _or_not_found(meta: LayerMeta | None, dgst: str) -> LayerMeta:
    if meta is None:
        raise NotFoundError(dgst)
    return meta


async def _all(awaitables: Sequence[Coroutine[object, object, T]]) -> list[T]:
    """The outcomes of all, or the first error once all have ended."""
    outcomes = await asyncio.gather(*awaitables, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, asyncio.CancelledError):
            raise to_backend_error(outcome, "one of many")
        if isinstance(outcome, BaseException):
            raise outcome
    return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
