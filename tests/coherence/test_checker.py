"""The checker, held to histories that were written by hand."""

import pytest

from tests.coherence.checker import RETENTION
from tests.coherence.histories import History
from tests.coherence.history import Kind, Outcome


@pytest.fixture
def history() -> History:
    """One that has begun with a push."""
    return History()


# ---- a stale yes


def test_yes_while_it_is_there(history: History) -> None:
    """A yes is right while the layer is there."""
    history.ask(30, 40, Outcome.YES)
    assert history.says() == []


def test_yes_after_a_deletion(history: History) -> None:
    """A yes is stale if it was asked for after the deletion was acknowledged."""
    history.unlink(30, 40, link=35)
    history.ask(41, 50, Outcome.YES)
    assert history.says() == ["stale yes"]


def test_yes_within_a_deletion(history: History) -> None:
    """A yes is right while the deletion is not acknowledged, although the file is gone."""
    history.unlink(30, 40, link=32)
    history.ask(39, 50, Outcome.YES)
    assert history.says() == []


def test_yes_after_a_sweep(history: History) -> None:
    """A yes is stale if the link is there and the blob was swept."""
    history.sweep(30, 40, blob=35)
    history.ask(41, 50, Outcome.YES)
    assert history.says() == ["stale yes"]


def test_yes_after_a_push_elsewhere(history: History) -> None:
    """The blob comes back with a push to any repository, the link with none but its own."""
    history.sweep(30, 40, blob=35)
    history.push(50, 60, blob=52, link=54, repo=1)
    history.ask(61, 70, Outcome.YES)
    assert history.says() == []
    history.unlink(80, 90, link=85)
    history.push(100, 110, blob=102, link=104, repo=1)
    history.ask(111, 120, Outcome.YES)
    assert history.says() == ["stale yes"]


@pytest.mark.parametrize(("link", "names"), [(49, []), (50, []), (51, ["stale yes"])])
def test_yes_beside_a_push(history: History, link: int, names: list[str]) -> None:
    """A push explains a yes from the moment on at which it wrote the link, acknowledged or not."""
    history.unlink(30, 40, link=35)
    history.push(45, 60, blob=46, link=link)
    history.ask(47, 50, Outcome.YES)
    assert history.says() == names


@pytest.mark.parametrize(("link", "names"), [(34, ["stale yes"]), (35, []), (36, [])])
def test_yes_after_a_push_beside_the_deletion(history: History, link: int, names: list[str]) -> None:
    """Of a push and a deletion at the same time, the later touch of the file decides."""
    history.mount(30, 40, link=link)
    history.unlink(30, 40, link=35)
    history.ask(41, 50, Outcome.YES)
    assert history.says() == names


def test_yes_after_a_deletion_that_failed(history: History) -> None:
    """A deletion that was not acknowledged is no evidence, and takes away that of none before it."""
    history.unlink(30, 40, link=35, ok=False)
    history.ask(41, 50, Outcome.YES)
    assert history.says() == []
    history.unlink(60, 70, link=65)
    history.unlink(80, 90, link=85, ok=False)
    history.ask(91, 100, Outcome.YES)
    assert history.says() == ["stale yes"]


def test_yes_after_a_push_that_failed(history: History) -> None:
    """A push that failed explains a yes if it wrote the link, and none if it did not get so far."""
    history.unlink(30, 40, link=35)
    history.push(50, 60, blob=52, link=0, ok=False)
    history.ask(61, 70, Outcome.YES)
    assert history.says() == ["stale yes"]
    history.push(80, 90, blob=82, link=84, ok=False)
    history.ask(91, 100, Outcome.YES)
    assert history.says() == []


def test_yes_after_a_late_deletion(history: History) -> None:
    """What the storage deleted after an interruption is evidence once its bracket was left, not before."""
    history.unlink(30, 40, link=0, ok=False)
    history.delete_late(38, 60, link=55)
    history.ask(59, 65, Outcome.YES)
    assert history.says() == []
    history.ask(61, 65, Outcome.YES)
    assert history.says() == ["stale yes"]
    history.push(70, 80, blob=72, link=74)
    history.ask(81, 90, Outcome.YES)
    assert history.says() == []


def test_yes_after_a_crash_in_a_deletion(history: History) -> None:
    """A deletion whose process was killed is no evidence."""
    history.crash(Kind.UNLINK, 30, 40)
    history.ask(50, 60, Outcome.YES)
    assert history.says() == []


def test_yes_after_a_crash_in_a_push(history: History) -> None:
    """A push whose process was killed may have written the link until then, and not later."""
    history.unlink(30, 40, link=35)
    history.crash(Kind.PUSH, 50, 60)
    history.ask(70, 80, Outcome.YES)
    assert history.says() == []
    history.unlink(90, 95, link=92)
    history.ask(100, 110, Outcome.YES)
    assert history.says() == ["stale yes"]


def test_yes_after_an_old_deletion_that_was_acknowledged_late(history: History) -> None:
    """Of two deletions that which touched the file last is the evidence, not that acknowledged last."""
    history.unlink(30, 100, link=35)
    history.push(40, 50, blob=42, link=44)
    history.ask(101, 110, Outcome.YES)
    assert history.says() == []
    history.unlink(60, 70, link=65)
    history.ask(111, 120, Outcome.YES)
    assert history.says() == ["stale yes"]


# ---- a stale no


def test_no_after_a_push(history: History) -> None:
    """A no is stale if it was asked for after the push was acknowledged."""
    history.ask(21, 30, Outcome.NO)
    assert history.says() == ["stale no"]


def test_no_before_the_push_is_acknowledged(history: History) -> None:
    """A no is right while the push is not acknowledged, although the files are there."""
    history.ask(19, 30, Outcome.NO)
    assert history.says() == []


@pytest.mark.parametrize(("blob", "names"), [(39, []), (41, ["stale no"])])
def test_no_beside_a_deletion(history: History, blob: int, names: list[str]) -> None:
    """A deletion of one of the two files explains a no from the moment on at which it was made."""
    history.sweep(25, 60, blob=blob)
    history.ask(30, 40, Outcome.NO)
    assert history.says() == names


def test_no_after_a_mount_of_what_was_swept(history: History) -> None:
    """A link without its blob is a no."""
    history.unlink(30, 40, link=35)
    history.sweep(50, 60, blob=55)
    history.mount(52, 62, link=57)
    history.ask(70, 80, Outcome.NO)
    assert history.says() == []


def test_no_after_a_crash_in_a_deletion(history: History) -> None:
    """A deletion whose process was killed explains every no until the layer is pushed again."""
    history.crash(Kind.SWEEP, 30, 40)
    history.ask(50, 60, Outcome.NO)
    assert history.says() == []
    history.push(70, 80, blob=72, link=74)
    history.ask(90, 100, Outcome.NO)
    assert history.says() == ["stale no"]


@pytest.mark.parametrize("outcome", [Outcome.MISS, Outcome.FAILED])
def test_no_answer(history: History, outcome: Outcome) -> None:
    """A miss of the cache is no answer, nor is an error."""
    history.ask(30, 40, outcome, Kind.RECALL)
    assert (history.says(), history.judged) == ([], 0)


# ---- a meta


def test_meta(history: History) -> None:
    """Where a blob lies is a question about the blob alone."""
    history.unlink(30, 40, link=35)
    history.ask(41, 50, Outcome.YES, Kind.META)
    assert history.says() == []
    history.ask(51, 60, Outcome.NO, Kind.META)
    assert history.says() == ["stale no"]
    history.sweep(70, 80, blob=75)
    history.ask(81, 90, Outcome.NO, Kind.META)
    assert history.says() == []
    history.ask(91, 99, Outcome.YES, Kind.META)
    assert history.says() == ["stale yes"]


# ---- when it judges


def test_waiting_for_what_is_under_way(history: History) -> None:
    """An answer is judged when every change that began before its end has ended."""
    history.unlink(30, 40, link=35)
    history.open(Kind.PUSH, 50)
    history.ask(41, 60, Outcome.YES)
    history.ask(41, 45, Outcome.YES)
    assert (history.says(), history.judged) == (["stale yes"], 1)
    history.crash(Kind.MOUNT, 55, 70)
    assert (history.says(), history.judged) == ([], 2)


def test_waiting_for_the_logs(history: History) -> None:
    """An answer is judged when the logs were read after it, once."""
    history.ask(30, 40, Outcome.NO)
    assert (history.says(40), history.judged) == ([], 0)
    assert (history.says(41), history.judged) == (["stale no"], 1)
    assert (history.says(42), history.judged) == ([], 1)


def test_forgetting(history: History) -> None:
    """What was done long ago is evidence still, and what explains it is not forgotten before it."""
    history.unlink(30, 40, link=35)
    for late in range(5):
        history.push(begin := (3 * late + 1) * RETENTION, begin + 10, blob=begin + 2, link=begin + 4)
        history.unlink(begin + 20, begin + 30, link=begin + 25)
        history.ask(begin + 22, begin + 40, Outcome.YES)
        history.ask(begin + 2 * RETENTION, begin + 2 * RETENTION + 10, Outcome.NO)
        assert history.says(begin + 2 * RETENTION + 20) == []
    assert history.judged == 10
    history.ask(20 * RETENTION, 20 * RETENTION + 10, Outcome.YES)
    assert history.says(21 * RETENTION) == ["stale yes"]


# ---- the story


def test_story(history: History) -> None:
    """The story has what was done to the file in question since it was written, and who may have filled."""
    history.ask(25, 29, Outcome.YES)
    history.ask(32, 60, Outcome.YES)
    history.unlink(30, 40, link=35)
    history.push(42, 70, blob=43, link=66, repo=1)
    history.ask(45, 65, Outcome.YES)
    [violation] = history.found()
    assert [Kind(operation.kind) for operation in violation.story] == [
        Kind.PUSH,
        Kind.UNLINK,
        Kind.STAT,
        Kind.STAT,
    ]
    assert [operation.begin for operation in violation.story] == [10, 30, 32, 45]
    assert violation.answer == violation.story[-1]
    assert violation.age == 25
