"""What has a place near, for how long, and what a change costs."""

from collections.abc import Callable

import pytest

from layercache import Digest, LayerMeta, parse_digest
from layercache.backends.redis.near.admission import Near
from layercache.backends.redis.near.table import ABSENT, NearTable
from layercache.testing import ManualClock
from tests.memory import inside
from tests.memory.inside import usual_meta

MAX_AGE = 100.0
HEARTBEAT = 1.0
ROOM = 3


def digest(number: int) -> Digest:
    """A digest of its own for each number."""
    return parse_digest(inside.digest(number))


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


def test_the_door_is_as_large_as_the_room_that_is_left() -> None:
    """What is asked for in turns is near the second time, as long as there is room for all of it."""
    near = near_of(max_entries=100)
    for number in range(100):
        answered(near, "one", number)
        assert len(near) == number + 1
    assert all(stat(near, "one", number) for number in range(100))


def test_a_place_is_kept_through_changes() -> None:
    """What had a place when it became void has it again with the next answer, be the table full or not."""
    near = near_of(max_entries=10)
    for number in range(10):
        answered(near, "one", number)
        assert stat(near, "one", number)
    near.table.change_all()
    for number in range(10):
        answered(near, "one", number)
    assert all(near.table.stat("one", digest(number)) for number in range(10))


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


def test_what_waits_keeps_nothing_that_is_void() -> None:
    """An answer that waits at the door holds nothing of what was near of its repository before a change."""
    near = near_of()
    changes: list[Callable[[], None]] = [lambda: near.table.change_members("one"), near.table.change_all]
    for change in changes:
        for number in (1, 1):
            answered(near, "one", number)
            assert stat(near, "one", number)
        ticket = near.table.ask("one")
        assert ticket[0]
        change()
        assert ticket[0] == {}


def test_questions_about_strangers_void_nothing() -> None:
    """Thousands of repositories that nobody has heard of, asked about, drive out none that is in use."""
    near = near_of(max_entries=10)
    for number in range(5):
        answered(near, "one", number)
        assert stat(near, "one", number)
    for stranger in range(1000):
        answered(near, f"stranger/{stranger}", 1, is_member=False)
        assert all(stat(near, "one", number) for number in range(5))
    assert len(near.table._members) <= 1 + 10


def test_changes_of_others_void_little_that_waits() -> None:
    """A thousand changes of other metas leave nearly all that waits at the door."""
    near = near_of(max_entries=10_000)
    for number in range(1000):
        answered(near, "one", number)
    for number in range(1000, 2000):
        near.table.change_meta(digest(number))
    assert sum(stat(near, "one", number) is not None for number in range(1000)) > 900
