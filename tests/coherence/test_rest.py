"""Who is to blame for what the cache claims when all is over."""

import pytest

from tests.coherence.checker import LIE_AT_REST, NEVER_CACHED, STALE_YES
from tests.coherence.histories import History
from tests.coherence.history import Kind
from tests.coherence.rest import LATE

MS = 1_000_000
SOON, LATER = LATE + 100 * MS, 10_000 * MS  # long after the push of every history, and long after that
LIFE = 2_000 * MS


@pytest.fixture
def history() -> History:
    """One that has begun with a push."""
    return History()


def test_removal_that_failed(history: History) -> None:
    """A removal that failed after it had touched the file should have left no yes."""
    history.unlink(SOON, SOON + 20 * MS, link=SOON + 10 * MS, ok=False)
    assert history.says() == []
    assert history.says_at_rest(LATER, LIFE) == [LIE_AT_REST]


def test_sweep_that_failed(history: History) -> None:
    """Nor should a sweep have."""
    history.sweep(SOON, SOON + 20 * MS, blob=SOON + 10 * MS, ok=False)
    assert history.says_at_rest(LATER, LIFE) == [LIE_AT_REST]


def test_removal_that_was_killed(history: History) -> None:
    """Nor one whose process was killed, whether it had touched the file or the one before it had."""
    history.crash(Kind.UNLINK, SOON, SOON + 20 * MS)
    assert history.says_at_rest(LATER, LIFE) == [LIE_AT_REST]


def test_removal_that_outlived_its_marker(history: History) -> None:
    """One that touched the file when its marker had ended is not to blame."""
    history.unlink(SOON, SOON + 2 * LIFE, link=SOON + LIFE, ok=False)
    assert history.says_at_rest(LATER, LIFE) == []


@pytest.mark.parametrize("link", [0, SOON + 12 * MS])
def test_two_removals_at_once(history: History, link: int) -> None:
    """Neither is one beside which another was under way, even one that touched nothing."""
    history.unlink(SOON, SOON + 20 * MS, link=SOON + 10 * MS, ok=False)
    history.unlink(SOON + 5 * MS, SOON + 15 * MS, link=link, ok=False)
    assert history.says_at_rest(LATER, LIFE) == []


def test_removal_before_one_that_was_killed(history: History) -> None:
    """If a killed removal may have touched nothing, the one before it must be free of blame, too."""
    history.unlink(SOON, SOON + 2 * LIFE, link=SOON + LIFE, ok=False)
    history.crash(Kind.UNLINK, LATER, LATER + 20 * MS)
    assert history.says_at_rest(2 * LATER, LIFE) == []


def test_acknowledged_removal(history: History) -> None:
    """After a removal that was acknowledged the yes is stale as well."""
    history.unlink(SOON, SOON + 20 * MS, link=SOON + 10 * MS)
    assert history.says_at_rest(LATER, LIFE) == [STALE_YES, LIE_AT_REST]


def test_nothing_was_removed(history: History) -> None:
    """Where nothing was removed, no removal is to blame."""
    assert history.says_at_rest(LATER, LIFE) == []


def test_miss(history: History) -> None:
    """A miss of what was pushed tells of the push."""
    violation = history.miss_at_rest(LATER)
    assert violation.name == NEVER_CACHED
    assert [Kind(operation.kind) for operation in violation.evidence] == [Kind.PUSH]
    assert violation.story[-1] == violation.answer
