"""The checker, held to hand-written histories of answers that may come from near.

The process "one" changes things and "two" asks, but where it says otherwise;
what is near may be 1,000 old when nothing is heard.
"""

import pytest

from tests.coherence.histories import ITSELF, OTHER, History
from tests.coherence.history import Kind, Outcome

MAX_STALENESS = 1_000


@pytest.fixture
def history() -> History:
    """One of processes with a near tier, that has begun with a push."""
    return History(MAX_STALENESS)


# ---- a yes


def test_yes_while_a_push_travels(history: History) -> None:
    """A yes after a deletion is right while it may be that nothing was heard of that."""
    history.witness(25, 28)
    history.unlink(30, 40, link=35)
    history.ask(41, 50, Outcome.YES, by=OTHER)
    assert history.says() == []


@pytest.mark.parametrize(
    ("sent", "answered", "asked", "names"),
    [
        (39, 50, 60, []),  # sent before the deletion was acknowledged
        (40, 50, 60, ["stale yes"]),
        (40, 50, 50, ["stale yes"]),
        (40, 61, 60, []),  # not answered yet
    ],
)
def test_yes_after_a_witness(
    history: History, sent: int, answered: int, asked: int, names: list[str]
) -> None:
    """A yes is stale that was asked for after Redis answered what was sent after the deletion."""
    history.unlink(30, 40, link=35)
    history.witness(sent, answered)
    history.ask(asked, 70, Outcome.YES, by=OTHER)
    assert history.says() == names


def test_yes_after_the_witness_of_another(history: History) -> None:
    """What another process has heard says nothing of this one."""
    history.unlink(30, 40, link=35)
    history.witness(45, 50, by=ITSELF)
    history.ask(60, 70, Outcome.YES, by=OTHER)
    assert history.says() == []


@pytest.mark.parametrize(("asked", "names"), [(1_039, []), (1_040, ["stale yes"])])
def test_yes_in_the_silence(history: History, asked: int, names: list[str]) -> None:
    """However long nothing is heard, no yes is older than `max_staleness`."""
    history.unlink(30, 40, link=35)
    history.ask(asked, asked + 10, Outcome.YES, by=OTHER)
    assert history.says() == names


def test_yes_after_a_deletion_of_its_own(history: History) -> None:
    """Who was told that a layer is deleted is not told yes by his own process, whatever it has heard."""
    history.unlink(30, 40, link=35)
    history.ask(41, 50, Outcome.YES, by=ITSELF)
    assert history.says() == ["stale yes"]


def test_yes_after_two_deletions(history: History) -> None:
    """A deletion that has to be known is evidence though a later one has not."""
    history.unlink(30, 40, link=35)
    history.witness(45, 50)
    history.unlink(60, 70, link=65)
    history.ask(80, 90, Outcome.YES, by=OTHER)
    assert history.says() == ["stale yes"]


def test_yes_that_was_written_again(history: History) -> None:
    """What was written after the deletion that has to be known explains a yes, deleted again or not."""
    history.unlink(30, 40, link=35)
    history.witness(45, 50)
    history.push(52, 58, blob=54, link=56)
    history.unlink(60, 70, link=65)
    history.ask(80, 90, Outcome.YES, by=OTHER)
    assert history.says() == []
    history.witness(91, 92)
    history.ask(93, 94, Outcome.YES, by=OTHER)
    assert history.says() == ["stale yes"]


def test_what_is_confirmed(history: History) -> None:
    """Who asks past the cache is told what is true, and not what is near."""
    history.unlink(30, 40, link=35)
    history.ask(41, 50, Outcome.YES, Kind.CONFIRM, by=OTHER)
    assert history.says() == ["stale yes"]


def test_no_is_never_near(history: History) -> None:
    """A no comes from the storage, and is as new as one without a near tier."""
    history.ask(21, 30, Outcome.NO, by=OTHER)
    assert history.says() == ["stale no"]


def test_without_a_near_tier() -> None:
    """Where there is no near tier, no answer may be old."""
    history = History()
    history.unlink(30, 40, link=35)
    history.ask(41, 50, Outcome.YES, by=OTHER)
    assert history.says() == ["stale yes"]


# ---- a register


def test_the_last_version(history: History) -> None:
    """The last version is right, and so is one that is being written."""
    history.mark(30, 40)
    history.mark(50, 60)
    history.look(55, 58, 30)
    history.look(55, 58, 50)
    history.look(61, 70, 50)
    assert (history.says(), history.ages) == ([], [])


def test_a_version_while_a_push_travels(history: History) -> None:
    """A version may be over while nothing was heard of that, and how long it was is told."""
    history.mark(30, 40)
    history.mark(50, 60)
    history.witness(55, 65)
    history.look(67, 70, 30)
    assert (history.says(), history.ages) == ([], [7])


def test_a_version_after_a_witness(history: History) -> None:
    """A version is stale if the end of it was acknowledged before the witness was sent."""
    history.mark(30, 40)
    history.mark(50, 60)
    history.witness(60, 65)
    history.look(65, 70, 30)
    [violation] = history.found()
    assert (violation.name, violation.age, history.ages) == ("stale version", 10, [5])
    assert [Kind(operation.kind) for operation in violation.story] == [Kind.MARK, Kind.MARK, Kind.LOOK]


@pytest.mark.parametrize(("begin", "names"), [(1_059, []), (1_060, ["stale version"])])
def test_a_version_in_the_silence(history: History, begin: int, names: list[str]) -> None:
    """However long nothing is heard, no version is over for longer than `max_staleness`."""
    history.mark(30, 40)
    history.mark(50, 60)
    history.look(begin, begin + 10, 30)
    assert history.says() == names


def test_an_own_write_is_read(history: History) -> None:
    """Who was told that a version is written reads no earlier one, whatever was heard."""
    history.mark(30, 40, by=ITSELF)
    history.mark(50, 60, by=ITSELF)
    history.look(59, 70, 30, by=ITSELF)
    assert history.says() == []
    history.look(61, 70, 30, by=ITSELF)
    assert history.says() == ["own write unread"]


def test_back_in_time(history: History) -> None:
    """Who has seen a version sees none that was over when that one was written."""
    history.mark(30, 40)
    history.mark(50, 60)
    history.look(52, 53, 50)
    history.look(53, 55, 30)
    [violation] = history.found()
    assert violation.name == "back in time"
    assert [operation.begin for operation in violation.story] == [30, 50, 52, 53]


def test_side_by_side(history: History) -> None:
    """A look that had not ended says nothing about the one beside it, nor does that of another process."""
    history.mark(30, 40)
    history.mark(50, 60)
    history.look(51, 55, 50)
    history.look(54, 56, 30)
    history.look(57, 58, 30, by=ITSELF)
    assert history.says() == []


def test_a_write_that_was_not_acknowledged(history: History) -> None:
    """A version that was never acknowledged may come at any time, and ends none."""
    history.mark(30, 40)
    history.mark(50, 60, ok=False)
    history.witness(65, 70)
    history.look(71, 72, 30)
    history.mark(80, 90)
    history.witness(95, 96)
    history.look(97, 98, 80)
    history.look(99, 100, 50)
    assert history.says() == []


def test_versions_that_were_written_together(history: History) -> None:
    """Of two writes that overlap, either may be the last."""
    history.mark(30, 50)
    history.mark(40, 60)
    history.witness(65, 70)
    history.look(71, 72, 40)
    history.look(73, 74, 30)
    assert history.says() == []
