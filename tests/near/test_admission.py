"""What is given a near entry, for how long it is kept, and what a change costs."""

from collections.abc import Callable

from tests.memory.inside import usual_meta
from tests.near.parts import NearParts, count_repositories, digest

MAX_AGE = 100.0
HEARTBEAT = 1.0


def ask_again(near: NearParts, repo: str, number: int) -> None:
    """Take an answer about a layer and ask for it, so that it has an entry in the table."""
    near.take(repo, number)
    assert near.stat(repo, digest(number))


def test_a_change_of_one_repository_voids_that_one() -> None:
    """After a change of a repository its memberships are not near, and all else is."""
    near = NearParts()
    for number in range(10):
        for repo in ("one", "two"):
            ask_again(near, repo, number)
    near.table.change_members("one")
    for number in range(10):
        assert near.stat("one", digest(number)) is None
        assert near.stat("two", digest(number))
        assert near.table.meta(digest(number))


def test_a_change_of_a_meta_voids_that_one() -> None:
    """After a change of a meta it is not near, and its memberships and other metas are."""
    near = NearParts()
    for number in range(10):
        ask_again(near, "one", number)
    near.table.change_meta(digest(3))
    assert [number for number in range(10) if near.stat("one", digest(number)) is None] == [3]
    assert near.table.contains("one", digest(3))


def test_what_was_asked_for_once_takes_no_entry() -> None:
    """Only what is asked for again is given an entry, so a thousand single questions evict nothing."""
    near = NearParts(max_entries=20)
    for number in range(20):
        ask_again(near, "one", number)
    for number in range(20, 1000):
        near.take("one", number)
    assert all(near.stat("one", digest(number)) for number in range(20))
    assert len(near.table) == 20
    assert len(near.admission) == 1


def test_the_buffer_is_as_large_as_the_room_that_is_left() -> None:
    """What is asked for in turns is near the second time, as long as there is room for all of it."""
    near = NearParts(max_entries=100)
    for number in range(100):
        near.take("one", number)
        assert len(near) == number + 1
    assert all(near.stat("one", digest(number)) for number in range(100))


def test_an_entry_is_kept_through_changes() -> None:
    """What had an entry when it became void has it again with the next answer, be the table full or not."""
    near = NearParts(max_entries=10)
    for number in range(10):
        ask_again(near, "one", number)
    near.table.change_all()
    for number in range(10):
        near.take("one", number)
    assert all(near.table.stat("one", digest(number)) for number in range(10))


def test_what_is_void_takes_no_entry() -> None:
    """An answer to a question from before the last change is not given an entry."""
    near = NearParts()
    near.take("one", 1)
    near.table.change_all()
    assert near.stat("one", digest(1)) is None
    assert len(near) == 0


def test_what_is_asked_for_stays() -> None:
    """Each way to ask for a layer keeps it from being evicted, also by way of a further repository."""
    near = NearParts(max_entries=40)
    asks: dict[str, Callable[[], object]] = {
        "first": lambda: near.table.stat("first", digest(0)),
        "further": lambda: near.table.contains("further", digest(0)),
        "alone": lambda: near.table.contains("alone", digest(1)),
        "meta": lambda: near.table.meta(digest(2)),
        "only further": lambda: near.table.stat("further", digest(3)),
    }
    for number in range(10, 100):
        ask_again(near, "others", number)
    for repo, number in (
        ("first", 0),
        ("further", 0),
        ("alone", 1),
        ("any", 2),
        ("first", 3),
        ("further", 3),
    ):
        ask_again(near, repo, number)
    for number in range(100, 1000):
        ask_again(near, "others", number)
        assert [name for name, ask in asks.items() if not ask()] == []


def test_changes_take_no_entry() -> None:
    """A repository that changes, and is asked for, time and again never has more than one entry a layer."""
    near = NearParts()
    for _ in range(1000):
        near.table.change_members("one")
        for number in range(3):
            ask_again(near, "one", number)
    assert len(near.table) == 3
    assert count_repositories(near.table) == 1


def test_misses_are_not_kept() -> None:
    """Of an answer only the halves that are known are kept: a miss is never near."""
    near = NearParts()
    near.admission.take(near.table.ask(), None, digest(1), is_member=False, meta=None)
    near.admission.take(near.table.ask("one"), "one", digest(2), is_member=False, meta=None)
    assert len(near) == 0
    near.take("one", 3, is_member=False)
    near.admission.take(near.table.ask("one"), "one", digest(4), is_member=True, meta=None)
    assert len(near) == 2
    for number in (3, 4):
        assert near.stat("one", digest(number)) is None
    assert not near.contains("one", digest(3))
    assert near.meta(digest(3))
    assert near.contains("one", digest(4))
    assert near.meta(digest(4)) is None


def test_an_age_begins_with_the_question() -> None:
    """An answer that came late is as old as its question, whatever else has changed meanwhile."""
    near = NearParts(max_age=MAX_AGE)
    ticket = near.table.ask("one")
    for _ in range(round(MAX_AGE / 2)):
        near.clock.advance(HEARTBEAT)
        near.table.end_aged()
        near.table.change_meta(digest(2))
    near.admission.take(ticket, "one", digest(1), is_member=True, meta=usual_meta(digest(1)))
    assert near.stat("one", digest(1))
    for _ in range(round(MAX_AGE / 2 + HEARTBEAT)):
        near.clock.advance(HEARTBEAT)
        near.table.end_aged()
    assert near.table.meta(digest(1)) is None
    assert not near.table.contains("one", digest(1))


def test_an_age_is_bounded_on_both_sides() -> None:
    """What nothing changes is near for at most its maximum age, and for nine tenths of it at least."""
    near = NearParts(max_age=MAX_AGE)

    def beat() -> bool:
        near.clock.advance(HEARTBEAT)
        near.table.end_aged()
        return near.stat("one", digest(number)) is not None

    for number in range(50):
        ask_again(near, "one", number)
        lived = sum(beat() for _ in range(round(MAX_AGE) + number))
        assert MAX_AGE * 0.9 - HEARTBEAT <= lived * HEARTBEAT <= MAX_AGE + HEARTBEAT


def test_a_ticket_keeps_nothing_that_is_void() -> None:
    """A ticket that waits with its answer holds nothing that was near of its repository before a change."""
    near = NearParts()
    changes: list[Callable[[], None]] = [lambda: near.table.change_members("one"), near.table.change_all]
    for change in changes:
        for number in (1, 1):
            ask_again(near, "one", number)
        ticket = near.table.ask("one")
        assert ticket[0]
        change()
        assert ticket[0] == {}


def test_questions_about_unknown_repositories_void_nothing() -> None:
    """Thousands of repositories that do not exist, asked about, evict none that is in use."""
    near = NearParts(max_entries=10)
    for number in range(5):
        ask_again(near, "one", number)
    for unknown in range(1000):
        near.take(f"unknown/{unknown}", 1, is_member=False)
        assert all(near.stat("one", digest(number)) for number in range(5))
    assert count_repositories(near.table) <= 1 + 10


def test_changes_of_other_metas_void_little_that_waits() -> None:
    """A thousand changes of other metas leave nearly all that waits in the admission buffer."""
    near = NearParts(max_entries=10_000)
    for number in range(1000):
        near.take("one", number)
    for number in range(1000, 2000):
        near.table.change_meta(digest(number))
    assert sum(near.stat("one", digest(number)) is not None for number in range(1000)) > 900
