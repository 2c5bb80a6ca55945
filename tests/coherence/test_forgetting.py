"""The checker forgets, and judges as if it did not."""

from collections.abc import Iterator
from random import Random

import pytest

from tests.coherence.checker import Checker
from tests.coherence.history import CHANGES, EVERYWHERE, Kind, Operation, Outcome, Span

LONGEST = 40  # that an operation takes
OFTEN = 25  # between two looks of a checker
FOR_EVER = 10**12


def some_history(chance: Random, length: int) -> Iterator[tuple[int, Operation]]:
    """What is logged, and when, of operations on three layers that follow no rule: many answers are wrong."""
    logged = []
    for number in range(length):
        begin = number * 3 + chance.randrange(LONGEST)
        end = begin + chance.randrange(1, LONGEST)
        kind = chance.choice((Kind.PUSH, Kind.UNLINK, Kind.SWEEP, Kind.STAT, Kind.STAT))
        repo = EVERYWHERE if kind == Kind.SWEEP else chance.randrange(3)
        operation = Operation(kind, Outcome.BEGUN, repo, 0, number, begin, 0, worker=str(chance.randrange(3)))
        if kind in CHANGES:
            logged.append((begin, operation))
            outcome = chance.choice((Outcome.DONE, Outcome.DONE, Outcome.FAILED))
        else:
            outcome = chance.choice((Outcome.YES, Outcome.NO))
        files = (Span(*sorted(chance.randint(begin, end) for _ in range(2))) for _ in range(2))
        logged.append((end, operation._replace(outcome=outcome, end=end).touched(*files)))
    yield from sorted(logged)


def judged(checker: Checker, history: list[tuple[int, Operation]]) -> set[tuple[str, int]]:
    """The violations that *checker* finds, if it looks often."""
    looked, found = 0, []
    for when, operation in history:
        if when > looked + OFTEN:
            looked = when
            found += checker.judge(when)
        checker.take(operation)
    found += checker.judge(history[-1][0] + 1)
    return {(violation.name, violation.answer.number) for violation in found}


@pytest.mark.parametrize("seed", range(10))
def test_forgetting_changes_nothing(seed: int) -> None:
    """A checker that forgets finds what one finds that does not, and remembers little."""
    history = list(some_history(Random(seed), 3_000))
    forgetful, other = Checker(2 * LONGEST), Checker(FOR_EVER)
    found = judged(forgetful, history)
    assert found == judged(other, history)
    assert {name for name, _ in found} == {"stale yes", "stale no"}
    assert (forgetful.judged, forgetful.unjudged) == (other.judged, 0)
    assert forgetful.remembered < 100 < other.remembered
