"""What is near is true as of the last change that was heard of, whatever was asked, answered and evicted."""

import itertools
from collections.abc import Callable

import pytest
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
from layercache.memory.near import ABSENT, NO, NearTable, Ticket
from layercache.testing import ManualClock
from layercache.tiered.near import Near
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
        assert len(self.near._door) <= ROOM
        assert self.table._members.keys() == self.table._births.keys()
        assert len(self.table._members) <= self.max_entries
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


def near_of(max_entries: int = 100, *, keep_misses: bool = False) -> Near:
    """A near memory without a maximum age."""
    return Near(NearTable(max_entries, None, ManualClock()), ROOM, keep_misses)


def answered(near: Near, repo: str, number: int, *, is_member: bool = True) -> None:
    """Let the far cache answer for a layer, now."""
    dgst = digest(number)
    near.take(near.table.ask(repo), repo, dgst, is_member, usual_meta(dgst))


def stat(near: Near, repo: str, number: int) -> LayerMeta | None:
    """What is near of a layer."""
    return near.table.stat(repo, digest(number)) or near.stat(repo, digest(number))


def test_a_change_of_one_repository_costs_that_one() -> None:
    """After a change of a repository its memberships are not near, and all else is."""
    near = near_of()
    for number in range(10):
        for repo in ("one", "two"):
            answered(near, repo, number)
            assert stat(near, repo, number)
    near.table.change_members("one")
    for number in range(10):
        assert stat(near, "one", number) is None
        assert stat(near, "two", number)
        assert near.table.meta(digest(number))


def test_a_change_of_a_meta_costs_that_one() -> None:
    """After a change of a meta it is not near, and its memberships and other metas are."""
    near = near_of()
    for number in range(10):
        answered(near, "one", number)
        assert stat(near, "one", number)
    near.table.change_meta(digest(3))
    assert [number for number in range(10) if stat(near, "one", number) is None] == [3]
    assert near.table.contains("one", digest(3))


def test_what_was_asked_for_once_takes_no_place() -> None:
    """Only what is asked for again is given a place, so that a thousand strangers drive nothing out."""
    near = near_of(max_entries=10)
    for number in range(10):
        answered(near, "one", number)
        assert stat(near, "one", number)
    for number in range(10, 1000):
        answered(near, "one", number)
    assert all(stat(near, "one", number) for number in range(10))
    assert len(near.table) == 10
    assert len(near) == 10 + ROOM


def test_what_is_void_takes_no_place() -> None:
    """An answer to a question from before the last change is not given a place."""
    near = near_of()
    answered(near, "one", 1)
    near.table.change_all()
    assert stat(near, "one", 1) is None
    assert len(near) == 0


def test_what_is_asked_for_stays() -> None:
    """Each way to ask for a layer keeps it from having to go, also by way of a further repository."""
    near = near_of(max_entries=40)

    def pass_by(*strangers: int) -> None:
        for number in strangers:
            answered(near, "strangers", number)
            assert stat(near, "strangers", number)

    asks: dict[str, Callable[[], object]] = {
        "first": lambda: near.table.stat("first", digest(0)),
        "further": lambda: near.table.contains("further", digest(0)),
        "alone": lambda: near.table.contains("alone", digest(1)),
        "meta": lambda: near.table.meta(digest(2)),
        "only further": lambda: near.table.stat("further", digest(3)),
    }
    pass_by(*range(10, 100))
    for repo, number in (
        ("first", 0),
        ("further", 0),
        ("alone", 1),
        ("any", 2),
        ("first", 3),
        ("further", 3),
    ):
        answered(near, repo, number)
        assert stat(near, repo, number)
    for stranger in range(100, 1000):
        pass_by(stranger)
        assert [name for name, ask in asks.items() if not ask()] == []


def test_changes_take_no_place() -> None:
    """A repository that changes, and is asked for, time and again never has more than one entry a layer."""
    near = near_of()
    for _ in range(1000):
        near.table.change_members("one")
        for number in range(3):
            answered(near, "one", number)
            assert stat(near, "one", number)
    assert len(near.table) == 3
    assert len(near.table._members) == 1


@pytest.mark.parametrize("keep_misses", [True, False])
def test_misses_are_kept_if_switched_on(keep_misses: bool) -> None:
    """A miss is near only if misses are to be kept, and then until its key changes."""
    near = near_of(keep_misses=keep_misses)
    answered(near, "one", 1, is_member=False)
    assert (stat(near, "one", 1) is ABSENT) is keep_misses
    near.take(near.table.ask(), None, digest(2), None, ABSENT)
    near.take(near.table.ask("one"), "one", digest(3), is_member=True, meta=ABSENT)
    near.take(near.table.ask("one"), "one", digest(4), is_member=False, meta=ABSENT)
    assert len(near) == (1 + ROOM if keep_misses else 2)
    assert (near.meta(digest(2)) is ABSENT) is keep_misses
    assert (stat(near, "one", 3) is ABSENT) is keep_misses
    assert (stat(near, "one", 4) is ABSENT) is keep_misses
    assert (near.member("one", digest(4)) is False) is keep_misses
    near.table.change_members("one")
    near.table.change_meta(digest(2))
    near.table.change_meta(digest(3))
    assert near.member("one", digest(4)) is None
    assert near.meta(digest(2)) is None
    assert stat(near, "one", 3) is None


def test_an_age_begins_with_the_question() -> None:
    """An answer that came late is as old as its question, whatever else has changed meanwhile."""
    clock = ManualClock()
    near = Near(NearTable(100, MAX_AGE, clock), ROOM, keep_misses=False)
    ticket = near.table.ask("one")
    for _ in range(round(MAX_AGE / 2)):
        clock.advance(HEARTBEAT)
        near.table.let_end()
        near.table.change_meta(digest(2))
    near.take(ticket, "one", digest(1), is_member=True, meta=usual_meta(digest(1)))
    assert stat(near, "one", 1)
    for _ in range(round(MAX_AGE / 2 + HEARTBEAT)):
        clock.advance(HEARTBEAT)
        near.table.let_end()
    assert near.table.meta(digest(1)) is None
    assert not near.table.contains("one", digest(1))


def test_an_age_is_the_last_one() -> None:
    """What nothing changes is near for at most its maximum age, and for nine tenths of it at least."""
    clock = ManualClock()
    near = Near(NearTable(100, MAX_AGE, clock), ROOM, keep_misses=False)

    def beat() -> bool:
        clock.advance(HEARTBEAT)
        near.table.let_end()
        return stat(near, "one", number) is not None

    for number in range(50):
        answered(near, "one", number)
        assert stat(near, "one", number)
        lived = sum(beat() for _ in range(round(MAX_AGE) + number))
        assert MAX_AGE * 0.9 - HEARTBEAT <= lived * HEARTBEAT <= MAX_AGE + HEARTBEAT
