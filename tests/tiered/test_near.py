"""What is near is true as of the last change that was heard of, whatever was asked, answered and evicted."""

import itertools

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

from layercache import Digest, LayerMeta, parse_digest
from layercache.backends.redis.near.admission import Near
from layercache.backends.redis.near.table import ABSENT, NO, NearTable, Ticket
from layercache.testing import ManualClock
from tests.memory import inside
from tests.memory.inside import usual_meta

MAX_AGE = 100.0
HEARTBEAT = 1.0


def digest(number: int) -> Digest:
    """A digest of its own for each number."""
    return parse_digest(inside.digest(number))


REPOS = st.sampled_from(["one", "two", "three"])
DGSTS = st.sampled_from([digest(number) for number in range(4)])
ROOM = 3
EVERYTHING = "everything"

Reply = tuple[Ticket, str | None, str, bool | None, LayerMeta | None, float]


class Machine(RuleBasedStateMachine):
    """The far cache, of which each change is heard at once, and answers of it that come late or never.

    What the far cache has is a matter of versions: a repository has the digests
    that are odd in its version, a digest a length that is its version, if even.
    """

    replies: Bundle[Reply] = Bundle("replies")

    @initialize(
        max_entries=st.sampled_from([1, 2, 3, 5, 100]), keep_misses=st.booleans(), is_aging=st.booleans()
    )
    def begin(self, max_entries: int, keep_misses: bool, is_aging: bool) -> None:
        self.clock = ManualClock()
        self.max_entries, self.keep_misses, self.is_aging = max_entries, keep_misses, is_aging
        self.table = NearTable(max_entries, MAX_AGE if is_aging else None, self.clock)
        self.near = Near(self.table, ROOM, keep_misses)
        self.versions = itertools.count(1)
        self.sets: dict[str, int] = {}
        self.metas: dict[str, int] = {}
        self.asked: dict[tuple[str | None, str], float] = {}

    # ---- the far cache

    def has(self, repo: str, dgst: str) -> bool:
        return bool((self.sets.get(repo, 0) + int(dgst[-1])) % 2)

    def where(self, dgst: str) -> LayerMeta:
        version = self.metas.get(dgst, 0)
        return ABSENT if version % 2 else usual_meta(dgst, version)

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

    # ---- questions, which are answered at once, and answers, which come when they come

    @rule(target=replies, repo=REPOS, dgst=DGSTS)
    def ask_stat(self, repo: str, dgst: str) -> Reply:
        ticket = self.table.ask(repo)
        return ticket, repo, dgst, self.has(repo, dgst), self.where(dgst), self.clock()

    @rule(target=replies, repo=REPOS, dgst=DGSTS)
    def ask_member(self, repo: str, dgst: str) -> Reply:
        return self.table.ask(repo), repo, dgst, self.has(repo, dgst), None, self.clock()

    @rule(target=replies, dgst=DGSTS)
    def ask_meta(self, dgst: str) -> Reply:
        return self.table.ask(), None, dgst, None, self.where(dgst), self.clock()

    @rule(reply=consumes(replies))
    def take(self, reply: Reply) -> None:
        ticket, repo, dgst, is_member, meta, when = reply
        self.near.take(ticket, repo, dgst, is_member, meta)
        if is_member is not None:
            self.asked[repo, dgst] = max(when, self.asked.get((repo, dgst), 0.0))
        if meta is not None:
            self.asked[None, dgst] = max(when, self.asked.get((None, dgst), 0.0))

    @rule(repos=st.lists(REPOS, min_size=1, max_size=3), dgsts=st.lists(DGSTS, min_size=1, max_size=4))
    def visit(self, repos: list[str], dgsts: list[str]) -> None:
        for repo, dgst in itertools.product(repos, dgsts):
            for _ in range(2):  # The first may lead to the door, the second to a place.
                if self.table.stat(repo, dgst) is None and self.near.stat(repo, dgst) is None:
                    self.take(self.ask_stat(repo, dgst))

    # ---- what is near

    @rule(repo=REPOS, dgst=DGSTS)
    def member(self, repo: str, dgst: str) -> None:
        known = self.table.contains(repo, dgst) or self.near.member(repo, dgst)
        if known is not None:
            assert known is self.has(repo, dgst)
            self.expect_young(repo, dgst)
        assert known is not False or self.keep_misses

    @rule(dgst=DGSTS)
    def meta(self, dgst: str) -> None:
        known = self.table.meta(dgst) or self.near.meta(dgst)
        if known is not None:
            assert known == self.where(dgst)
            self.expect_young(None, dgst)
        assert known is not ABSENT or self.keep_misses

    @rule(repo=REPOS, dgst=DGSTS)
    def stat(self, repo: str, dgst: str) -> None:
        known = self.table.stat(repo, dgst) or self.near.stat(repo, dgst)
        if known is not None:
            assert known == (self.where(dgst) if self.has(repo, dgst) else ABSENT)
        if known not in (None, ABSENT):
            self.expect_young(repo, dgst)
            self.expect_young(None, dgst)
        assert known is not ABSENT or self.keep_misses

    @rule(dgst=DGSTS)
    def known(self, dgst: str) -> None:
        assert self.table.meta(dgst) is not ABSENT
        repos, meta = self.table.known(dgst)
        assert all(self.has(repo, dgst) for repo in repos)
        assert meta in (None, self.where(dgst))

    # ---- time

    @rule(seconds=st.sampled_from([HEARTBEAT, MAX_AGE / 20, MAX_AGE / 10, MAX_AGE / 3]))
    def pass_time(self, seconds: float) -> None:
        end = self.clock() + seconds
        while self.clock() < end:
            self.clock.advance(HEARTBEAT)
            self.table.let_end()

    def expect_young(self, repo: str | None, dgst: str) -> None:
        if self.is_aging:
            assert self.clock() - self.asked[repo, dgst] <= MAX_AGE + HEARTBEAT

    # ---- inside

    @invariant()
    def is_sound(self) -> None:
        inside.check(self.table, self.max_entries)
        assert len(self.near._door) <= max(ROOM, self.table.free)
        assert self.table._members.keys() == self.table._births.keys()
        idle = {repo for repo, members in self.table._members.items() if not members}
        assert self.table._idle.keys() == idle
        assert len(idle) <= self.max_entries
        for repo, members in self.table._members.items():
            for dgst, number in members.items():
                assert type(dgst) is str
                home = self.table._home(repo, dgst)
                assert home is not None
                assert number in (NO, home if home == self.table._entries[dgst] else ~home)


def test_near_is_never_wrong() -> None:
    """Whatever is asked, changed, answered late or evicted, what is near is what the far cache has."""
    run_state_machine_as_test(
        Machine, settings=settings(max_examples=400, stateful_step_count=80, deadline=None)
    )
