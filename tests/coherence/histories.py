"""Histories written by hand, for tests of the checker: a line is an operation, times are small numbers."""

from tests.coherence.checker import Checker, Violation
from tests.coherence.history import EVERYWHERE, NEVER, Kind, Operation, Outcome, Span

LATER = 1_000_000
ITSELF = "one"
OTHER = "two"


class History:
    """Writes a history of one layer; an operation has a begin, an end, and moments at which it touches files.

    It begins with a push to repository 0, which is acknowledged at 20.
    """

    def __init__(self, max_staleness: int = 0) -> None:
        self._checker = Checker(max_staleness=max_staleness)
        self._number = 0
        self.push(10, 20, blob=12, link=14)

    # ---- changes

    def push(self, begin: int, end: int, *, blob: int, link: int, repo: int = 0, ok: bool = True) -> None:
        """Push the layer."""
        self._change(Kind.PUSH, repo, begin, end, (blob, link), ok=ok)

    def mount(self, begin: int, end: int, *, link: int, ok: bool = True) -> None:
        """Mount the layer."""
        self._change(Kind.MOUNT, 0, begin, end, (0, link), ok=ok)

    def unlink(self, begin: int, end: int, *, link: int, repo: int = 0, ok: bool = True) -> None:
        """Delete the layer from a repository."""
        self._change(Kind.UNLINK, repo, begin, end, (0, link), ok=ok)

    def delete_late(self, begin: int, end: int, *, link: int) -> None:
        """Have the storage delete the layer from a repository, after the body was interrupted."""
        self._change(Kind.UNLINK, 0, begin, end, (0, link), outcome=Outcome.LATE)

    def sweep(self, begin: int, end: int, *, blob: int, ok: bool = True) -> None:
        """Delete the blob."""
        self._change(Kind.SWEEP, EVERYWHERE, begin, end, (blob, 0), ok=ok)

    def crash(self, kind: Kind, begin: int, killed: int) -> None:
        """Begin a change, and be killed."""
        repo = EVERYWHERE if kind == Kind.SWEEP else 0
        self.open(kind, begin, repo)
        self._checker.bury(OTHER, killed)

    def open(self, kind: Kind, begin: int, repo: int = 0) -> None:
        """Begin a change, and be at it still."""
        self._number += 1
        self._checker.take(Operation(kind, Outcome.BEGUN, repo, 0, self._number, begin, 0, worker=OTHER))

    def _change(
        self,
        kind: Kind,
        repo: int,
        begin: int,
        end: int,
        touched: tuple[int, int],
        *,
        ok: bool = True,
        outcome: Outcome = Outcome.DONE,
    ) -> None:
        self._number += 1
        begun = Operation(kind, Outcome.BEGUN, repo, 0, self._number, begin, 0, worker=ITSELF)
        self._checker.take(begun)
        blob, link = (Span(moment, moment) if moment else NEVER for moment in touched)
        ended = begun._replace(outcome=outcome if ok else Outcome.FAILED, end=end)
        self._checker.take(ended.touched(blob, link))

    # ---- answers

    def ask(
        self, begin: int, end: int, outcome: Outcome, kind: Kind = Kind.STAT, *, by: str = ITSELF
    ) -> None:
        """Be given an answer."""
        self._number += 1
        repo = EVERYWHERE if kind == Kind.META else 0
        self._checker.take(Operation(kind, outcome, repo, 0, self._number, begin, end, worker=by))

    def witness(self, begin: int, end: int, *, by: str = OTHER) -> None:
        """Be answered by Redis itself."""
        self._number += 1
        self._checker.take(
            Operation(Kind.WITNESS, Outcome.DONE, EVERYWHERE, 0, self._number, begin, end, worker=by)
        )

    # ---- a register

    def mark(self, begin: int, end: int, *, ok: bool = True, by: str = ITSELF) -> None:
        """Write the register; its version is then *begin*."""
        self._number += 1
        begun = Operation(Kind.MARK, Outcome.BEGUN, EVERYWHERE, 0, self._number, begin, 0, worker=by)
        self._checker.take(begun)
        self._checker.take(begun._replace(outcome=Outcome.DONE if ok else Outcome.FAILED, end=end))

    def look(self, begin: int, end: int, version: int, *, by: str = OTHER) -> None:
        """Read the register."""
        self._number += 1
        look = Operation(Kind.LOOK, Outcome.YES, EVERYWHERE, 0, self._number, begin, end, worker=by)
        self._checker.take(look._replace(version=version))

    def found(self, when: int = LATER) -> list[Violation]:
        """What the checker finds, if it looks at *when*."""
        return self._checker.judge(when)

    def says(self, when: int = LATER) -> list[str]:
        """The names of it."""
        return [violation.name for violation in self.found(when)]

    # ---- at rest

    def says_at_rest(self, when: int, marker_life: int) -> list[str]:
        """The names of what is found if the cache claims the layer at *when*, and neither file is there."""
        yes = self._audit(Outcome.YES, when)
        self._checker.take(yes)
        lie = self._checker.judge_yes_at_rest(yes, [(0, 0), (EVERYWHERE, 0)], marker_life)
        return [*self.says(when + LATER), *([lie.name] if lie else [])]

    def miss_at_rest(self, when: int) -> Violation:
        """What is said if the cache does not know the layer at *when*."""
        return self._checker.judge_miss_at_rest(self._audit(Outcome.MISS, when))

    def _audit(self, outcome: Outcome, when: int) -> Operation:
        return Operation(Kind.AUDIT, outcome, 0, 0, self._number + 1, when, when + 1, worker="auditor")

    @property
    def ages(self) -> list[int]:
        """How old the looks were that were not the last of a register."""
        return self._checker.registers.ages

    @property
    def judged(self) -> int:
        """How many answers were judged."""
        return self._checker.judged
