"""A state machine that does the same to several caches, and compares their answers."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, consumes, multiple, rule

from layercache import LayerInfoCache, LayerMeta, Lease, NotFoundError, background

T = TypeVar("T")
CTX = background()
REPOS = st.sampled_from(["one", "two"])
HALVES = st.sampled_from(["one", "two", None])
DGSTS = st.sampled_from(["sha256:" + "a" * 64, "sha256:" + "b" * 64, "other:c"])
MEDIA_TYPES = st.sampled_from(["x/y", "text/plain"])
METAS = st.builds(LayerMeta, st.sampled_from(["/a", "/b"]), st.integers(0, 3), MEDIA_TYPES)
Bracket = AbstractAsyncContextManager[None]
TIMES = 3  # From Redis, then from the admission buffer, then from the near table.


class SideBySide(RuleBasedStateMachine):
    """Does each step to every cache in turn, and compares the outcomes."""

    leases: Bundle[list[Lease]] = Bundle("leases")
    brackets: Bundle[list[Bracket]] = Bundle("brackets")

    def __init__(self, make_caches: Callable[[], Coroutine[object, object, list[LayerInfoCache]]]) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.caches = self.runner.run(make_caches())
        self.open: list[list[Bracket]] = []

    def teardown(self) -> None:
        for brackets in self.open:
            self.leave(brackets)
        for cache in self.caches:
            self.runner.run(cache.aclose())
        self.runner.close()

    # ---- one step, done to all

    def each(self, step: Callable[[LayerInfoCache], Awaitable[T]]) -> list[T | None]:
        """What *step* returns for each cache; None where nothing was found."""

        async def attempt(cache: LayerInfoCache) -> T | None:
            try:
                return await step(cache)
            except NotFoundError:
                return None

        return [self.runner.run(attempt(cache)) for cache in self.caches]

    def agree(self, step: Callable[[LayerInfoCache], Awaitable[T]]) -> T | None:
        first, *others = self.each(step)
        for cache, other in zip(self.caches[1:], others, strict=True):
            assert other == first, f"{cache!r} returned {other!r}, {self.caches[0]!r} returned {first!r}"
        return first

    # ---- reads

    def ask(self, question: Callable[[LayerInfoCache], Awaitable[T]]) -> None:
        """Ask so often that the last answer comes from the nearest tier."""
        for _ in range(TIMES):
            self.agree(question)

    @rule(repo=REPOS, dgst=DGSTS)
    def contains(self, repo: str, dgst: str) -> None:
        self.ask(lambda cache: cache.contains(CTX, repo, dgst))

    @rule(dgst=DGSTS)
    def meta(self, dgst: str) -> None:
        self.ask(lambda cache: cache.meta(CTX, dgst))

    @rule(repo=REPOS, dgst=DGSTS)
    def stat(self, repo: str, dgst: str) -> None:
        self.ask(lambda cache: cache.stat(CTX, repo, dgst))

    @rule(repo=REPOS, dgsts=st.lists(DGSTS, max_size=5))
    def many(self, repo: str, dgsts: list[str]) -> None:
        self.ask(lambda cache: cache.contains_many(CTX, repo, dgsts))
        self.ask(lambda cache: cache.stat_many(CTX, repo, dgsts))

    # ---- unguarded writes

    @rule(repo=REPOS, dgst=DGSTS)
    def add(self, repo: str, dgst: str) -> None:
        self.each(lambda cache: cache.add(CTX, repo, dgst))

    @rule(dgst=DGSTS, meta=METAS)
    def set_meta(self, dgst: str, meta: LayerMeta) -> None:
        self.each(lambda cache: cache.set_meta(CTX, dgst, meta))

    @rule(repo=REPOS, dgst=DGSTS, meta=METAS)
    def put(self, repo: str, dgst: str, meta: LayerMeta) -> None:
        self.each(lambda cache: cache.put(CTX, repo, dgst, meta))

    @rule(repo=REPOS, dgst=DGSTS)
    def remove(self, repo: str, dgst: str) -> None:
        self.each(lambda cache: cache.remove(CTX, repo, dgst))

    @rule(dgst=DGSTS)
    def forget(self, dgst: str) -> None:
        self.each(lambda cache: cache.forget(CTX, dgst))

    # ---- leases

    @rule(target=leases, repo=HALVES, dgst=DGSTS)
    def lease(self, repo: str | None, dgst: str) -> list[Lease] | MultipleResults[list[Lease]]:
        given = self.each(lambda cache: cache.lease(CTX, repo, dgst))
        found = [lease for lease in given if lease is not None]
        assert len(found) in (0, len(given)), f"a lease for some only: {given}"
        return found or multiple()

    @rule(leases=leases, meta=METAS)
    def fill(self, leases: list[Lease], meta: LayerMeta) -> None:
        own = dict(zip(map(id, self.caches), leases, strict=True))
        self.agree(lambda cache: cache.fill(CTX, own[id(cache)], meta))

    # ---- brackets, which overlap as they like

    def enter(self, make: Callable[[LayerInfoCache], Bracket]) -> list[Bracket]:
        brackets = [make(cache) for cache in self.caches]
        for bracket in brackets:
            self.runner.run(_enter(bracket))
        self.open.append(brackets)
        return brackets

    def leave(self, brackets: list[Bracket]) -> None:
        for bracket in brackets:
            self.runner.run(_leave(bracket))

    @rule(target=brackets, repo=REPOS, dgst=DGSTS)
    def removing(self, repo: str, dgst: str) -> list[Bracket]:
        return self.enter(lambda cache: cache.removing(CTX, repo, dgst))

    @rule(target=brackets, dgst=DGSTS)
    def forgetting(self, dgst: str) -> list[Bracket]:
        return self.enter(lambda cache: cache.forgetting(CTX, dgst))

    @rule(target=brackets, repo=REPOS, dgst=DGSTS, meta=METAS)
    def adding(self, repo: str, dgst: str, meta: LayerMeta) -> list[Bracket]:
        return self.enter(lambda cache: cache.adding(CTX, repo, dgst, meta))

    @rule(brackets=consumes(brackets))
    def end(self, brackets: list[Bracket]) -> None:
        self.open.remove(brackets)
        self.leave(brackets)


async def _enter(bracket: Bracket) -> None:
    await bracket.__aenter__()


async def _leave(bracket: Bracket) -> None:
    await bracket.__aexit__(None, None, None)
