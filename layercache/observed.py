"""A backend before a backend, and a source before a source, which tell an observer of every operation.

A cache without an observer has neither, so that nothing is measured there.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from layercache.backend import Backend, Lease, Peek
from layercache.context import Context
from layercache.errors import ContextError, NotFoundError
from layercache.forwarding import ForwardingBackend
from layercache.meta import LayerMeta
from layercache.observer import Event, Observer, Outcome, Tier
from layercache.source import LayerInfoSource

T = TypeVar("T")

_log = logging.getLogger(__name__)


def observed(backend: Backend, observer: Observer | None) -> Backend:
    """*backend*, or one before it that tells *observer*, if there is one."""
    return backend if observer is None else ObservedBackend(backend, observer)


class GuardedObserver(Observer):
    """Passes events on to another observer; of the errors that it raises, the first is logged."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._has_raised = False

    def observe(self, event: Event) -> None:
        try:
            self._observer.observe(event)
        except Exception:  # noqa: BLE001 - whatever it was, it is no failure of the request
            if not self._has_raised:
                self._has_raised = True
                _log.exception("an observer raised, which is not logged again")


def guarded(observer: Observer) -> GuardedObserver:
    """*observer*, guarded once: all that report to it share what is returned."""
    return observer if isinstance(observer, GuardedObserver) else GuardedObserver(observer)


class Telling:
    """Tells an observer how what is awaited ended, and how long that took."""

    def __init__(self, observer: Observer, tier: Tier) -> None:
        self._observer = guarded(observer)
        self._tier = tier

    def tell(self, begin: float, operation: str, outcome: Outcome, layers: int = 1) -> None:
        """Tell of what began at *begin*, on `time.perf_counter`, and has ended."""
        self._observer.observe(Event(operation, self._tier, outcome, time.perf_counter() - begin, layers))

    async def answer(self, operation: str, awaitable: Awaitable[T], outcome_of: Callable[[T], Outcome]) -> T:
        """Await *awaitable*, tell of it, and pass on what it returned or raised."""
        begin = time.perf_counter()
        answer = await self._failing(begin, operation, awaitable, 1)
        self.tell(begin, operation, outcome_of(answer))
        return answer

    async def answers(self, operation: str, awaitable: Awaitable[list[T]], layers: int) -> list[T]:
        """Await *awaitable*, about so many *layers*; tell of its hits and of its misses, and pass it on."""
        begin = time.perf_counter()
        answers = await self._failing(begin, operation, awaitable, layers)
        hits = sum(map(bool, answers))
        for outcome, count in ((Outcome.HIT, hits), (Outcome.MISS, len(answers) - hits)):
            if count:
                self.tell(begin, operation, outcome, count)
        return answers

    async def _failing(self, begin: float, operation: str, awaitable: Awaitable[T], layers: int) -> T:
        try:
            return await awaitable
        except NotFoundError:
            self.tell(begin, operation, Outcome.MISS)
            raise
        except BaseException as error:
            is_failure = isinstance(error, Exception) and not isinstance(error, ContextError)
            outcome = Outcome.ERROR if is_failure else Outcome.ENDED
            seconds = time.perf_counter() - begin
            self._observer.observe(Event(operation, self._tier, outcome, seconds, layers, error))
            raise


class ObservedPeek:
    """A look that tells of each hit."""

    def __init__(self, peek: Peek, telling: Telling) -> None:
        self._peek = peek
        self._telling = telling

    def contains(self, repo: str, dgst: str) -> bool:
        """Whether *repo* is known here to have *dgst*."""
        begin = time.perf_counter()
        is_member = self._peek.contains(repo, dgst)
        if is_member:
            self._telling.tell(begin, "contains", Outcome.HIT)
        return is_member

    def meta(self, dgst: str) -> LayerMeta | None:
        """Where *dgst* is known here to lie."""
        begin = time.perf_counter()
        meta = self._peek.meta(dgst)
        if meta is not None:
            self._telling.tell(begin, "meta", Outcome.HIT)
        return meta

    def stat(self, repo: str, dgst: str) -> LayerMeta | None:
        """Where *dgst* lies, if *repo* is known here to have it."""
        begin = time.perf_counter()
        meta = self._peek.stat(repo, dgst)
        if meta is not None:
            self._telling.tell(begin, "stat", Outcome.HIT)
        return meta


class ObservedBackend(ForwardingBackend):
    """Tells of every operation; of a walk, nothing."""

    def __init__(self, backend: Backend, observer: Observer) -> None:
        """Stand before *backend*, which is closed with this one."""
        super().__init__(backend)
        observer = guarded(observer)
        self._telling = Telling(observer, backend.tier)
        if backend.peek is not None:
            self.peek = ObservedPeek(backend.peek, Telling(observer, Tier.NEAR))

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        asked = self._backend.contains(ctx, repo, dgst)
        return await self._telling.answer("contains", asked, _hit_or_miss)

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta | None:
        return await self._telling.answer("meta", self._backend.meta(ctx, dgst), _hit_or_miss)

    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta | None:
        return await self._telling.answer("stat", self._backend.stat(ctx, repo, dgst), _hit_or_miss)

    async def contains_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[bool]:
        asked = self._backend.contains_many(ctx, repo, dgsts)
        return await self._telling.answers("contains_many", asked, len(dgsts))

    async def stat_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[LayerMeta | None]:
        asked = self._backend.stat_many(ctx, repo, dgsts)
        return await self._telling.answers("stat_many", asked, len(dgsts))

    async def add(self, ctx: Context, repo: str, dgst: str) -> None:
        await self._telling.answer("add", self._backend.add(ctx, repo, dgst), _done)

    async def set_meta(self, ctx: Context, dgst: str, meta: LayerMeta) -> None:
        await self._telling.answer("set_meta", self._backend.set_meta(ctx, dgst, meta), _done)

    async def put(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> None:
        await self._telling.answer("put", self._backend.put(ctx, repo, dgst, meta), _done)

    async def remove(self, ctx: Context, repo: str | None, dgst: str) -> None:
        await self._telling.answer("remove", self._backend.remove(ctx, repo, dgst), _done)

    async def begin_removal(self, ctx: Context, repo: str | None, dgst: str) -> str:
        begun = self._backend.begin_removal(ctx, repo, dgst)
        return await self._telling.answer("begin_removal", begun, _done)

    async def end_removal(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        ended = self._backend.end_removal(ctx, repo, dgst, marker, has_returned=has_returned)
        await self._telling.answer("end_removal", ended, _done)

    async def lease(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
        return await self._telling.answer("lease", self._backend.lease(ctx, repo, dgst), _given_or_refused)

    async def fill(self, ctx: Context, lease: Lease, meta: LayerMeta) -> bool:
        return await self._telling.answer("fill", self._backend.fill(ctx, lease, meta), _given_or_refused)


class ObservedSource(LayerInfoSource):
    """Passes every question on to another source, and tells of it."""

    def __init__(self, source: LayerInfoSource, observer: Observer) -> None:
        """Stand before *source*."""
        self._source = source
        self._telling = Telling(observer, Tier.SOURCE)

    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
        return await self._telling.answer("stat", self._source.stat(ctx, repo, dgst), _hit_or_miss)

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        return await self._telling.answer("contains", self._source.contains(ctx, repo, dgst), _hit_or_miss)

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        return await self._telling.answer("meta", self._source.meta(ctx, dgst), _hit_or_miss)

    def __repr__(self) -> str:
        return repr(self._source)


def _hit_or_miss(answer: object) -> Outcome:
    return Outcome.HIT if answer else Outcome.MISS


def _given_or_refused(answer: object) -> Outcome:
    return Outcome.DONE if answer else Outcome.REFUSED


def _done(_: object) -> Outcome:
    return Outcome.DONE
