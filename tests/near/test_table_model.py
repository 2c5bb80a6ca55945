"""What is near is true as of the last change that was seen, whatever was asked, answered and evicted."""

import itertools
import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from layercache import LayerMeta
from layercache.backends.redis.near.table import Ticket
from tests.memory.inside import usual_meta
from tests.near.parts import FOREVER, NearParts, check, digest

MAX_AGE = 100.0
HEARTBEAT = 1.0

REPOS = st.sampled_from(["one", "two", "three"])
DGSTS = st.sampled_from([digest(number) for number in range(4)])
EVERYTHING = "everything"

Reply = tuple[Ticket, str | None, str, bool, LayerMeta | None, float]


class Machine(RuleBasedStateMachine):
    """The Redis, of which each change is seen at once, and its replies, which come late or never.

    What it has is a matter of versions: a repository has the digests that are odd
    in its version; a digest has a length, its version, if that is even.
    """

    replies: Bundle[Reply] = Bundle("replies")

    @initialize(max_entries=st.sampled_from([1, 2, 3, 5, 100]), is_aging=st.booleans())
    def begin(self, max_entries: int, is_aging: bool) -> None:
        self.max_entries, self.is_aging = max_entries, is_aging
        self.near = NearParts(max_entries, MAX_AGE if is_aging else FOREVER)
        self.table = self.near.table
        self.versions = itertools.count(1)
        self.sets: dict[str, int] = {}
        self.metas: dict[str, int] = {}
        self.asked: dict[tuple[str | None, str], float] = {}

    # ---- the Redis

    def has(self, repo: str, dgst: str) -> bool:
        return bool((self.sets.get(repo, 0) + int(dgst[-1])) % 2)

    def where(self, dgst: str) -> LayerMeta | None:
        version = self.metas.get(dgst, 0)
        return None if version % 2 else usual_meta(dgst, version)

    @rule(changed=st.one_of(REPOS, REPOS, DGSTS, DGSTS, st.just(EVERYTHING)))
    def change(self, changed: str) -> None:
        for repo in ["one", "two", "three"]:
            if changed in (repo, EVERYTHING):
                self.sets[repo] = next(self.versions)
        for dgst in map(digest, range(4)):
            if changed in (dgst, EVERYTHING):
                self.metas[dgst] = next(self.versions)
        if changed == EVERYTHING:
            self.table.change_all()
        elif changed in self.sets:
            self.table.change_members(changed)
        else:
            self.table.change_meta(changed)

    # ---- questions, which are answered at once, and replies, which come when they come

    @rule(target=replies, repo=REPOS, dgst=DGSTS)
    def ask_stat(self, repo: str, dgst: str) -> Reply:
        ticket = self.table.ask(repo)
        return ticket, repo, dgst, self.has(repo, dgst), self.where(dgst), self.near.clock()

    @rule(target=replies, repo=REPOS, dgst=DGSTS)
    def ask_member(self, repo: str, dgst: str) -> Reply:
        return self.table.ask(repo), repo, dgst, self.has(repo, dgst), None, self.near.clock()

    @rule(target=replies, dgst=DGSTS)
    def ask_meta(self, dgst: str) -> Reply:
        return self.table.ask(), None, dgst, False, self.where(dgst), self.near.clock()

    @rule(reply=consumes(replies))
    def take(self, reply: Reply) -> None:
        ticket, repo, dgst, is_member, meta, when = reply
        self.near.admission.take(ticket, repo, dgst, is_member, meta)
        if is_member:
            self.asked[repo, dgst] = max(when, self.asked.get((repo, dgst), 0.0))
        if meta is not None:
            self.asked[None, dgst] = max(when, self.asked.get((None, dgst), 0.0))

    @rule(repos=st.lists(REPOS, min_size=1, max_size=3), dgsts=st.lists(DGSTS, min_size=1, max_size=4))
    def visit(self, repos: list[str], dgsts: list[str]) -> None:
        for repo, dgst in itertools.product(repos, dgsts):
            for _ in range(2):  # The first may lead to the admission buffer, the second to an entry.
                if self.near.stat(repo, dgst) is None:
                    self.take(self.ask_stat(repo, dgst))

    # ---- what is near

    @rule(repo=REPOS, dgst=DGSTS)
    def member(self, repo: str, dgst: str) -> None:
        if self.near.contains(repo, dgst):
            assert self.has(repo, dgst)
            self.expect_young(repo, dgst)
            assert self.table.is_trusted

    @rule(dgst=DGSTS)
    def meta(self, dgst: str) -> None:
        known = self.near.meta(dgst)
        if known is not None:
            assert known == self.where(dgst)
            self.expect_young(None, dgst)
            assert self.table.is_trusted

    @rule(repo=REPOS, dgst=DGSTS)
    def stat(self, repo: str, dgst: str) -> None:
        known = self.near.stat(repo, dgst)
        if known is not None:
            assert self.has(repo, dgst)
            assert known == self.where(dgst)
            self.expect_young(repo, dgst)
            self.expect_young(None, dgst)
            assert self.table.is_trusted

    # ---- time, and trust

    @rule(seconds=st.sampled_from([HEARTBEAT, MAX_AGE / 20, MAX_AGE / 10, MAX_AGE / 3]))
    def pass_time(self, seconds: float) -> None:
        end = self.near.clock() + seconds
        while self.near.clock() < end:
            self.near.clock.advance(HEARTBEAT)
            self.table.end_aged()

    @rule()
    def lose_trust(self) -> None:
        self.table.trusted_until = self.near.clock()

    @rule()
    def gain_trust(self) -> None:
        self.table.trusted_until = math.inf

    def expect_young(self, repo: str | None, dgst: str) -> None:
        if self.is_aging:
            assert self.near.clock() - self.asked[repo, dgst] <= MAX_AGE + HEARTBEAT

    # ---- inside

    @invariant()
    def is_sound(self) -> None:
        check(self.table, self.max_entries)
        assert len(self.near.admission) <= max(1, self.max_entries // 20, self.table.free)


def test_near_is_never_wrong() -> None:
    """Whatever is asked, changed, answered late or evicted, what is near is what Redis has."""
    run_state_machine_as_test(
        Machine, settings=settings(max_examples=400, stateful_step_count=80, deadline=None)
    )
