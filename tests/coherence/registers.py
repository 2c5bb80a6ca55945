"""Registers: things with versions, of which it is known which is the newer. Pure.

What a registry is asked is yes or no, and a yes may be explained by so much. So
each worker has a register besides: a meta that it alone writes, time and again,
and all read. Its version is the time at which its writing began.

A version is *over* when a later one is acknowledged whose writing began after
its own was acknowledged: who asks Redis from then on is told a later one. What
was never acknowledged may be written at any time, and is never over.

    stale version       it had been over for longer than an answer may be old
    own write unread    it was over by a write of this process, which was told so
    back in time        it was over when a version was written that this process has read before
"""

import bisect
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from tests.coherence.history import Operation, Outcome

STALE_VERSION = "stale version"
OWN_UNREAD = "own write unread"
BACK_IN_TIME = "back in time"


class Fault(NamedTuple):
    """What is wrong with the version that a look was given.

    Attributes:
        name: What it is called.
        contradicted: What the look should have known of.
        others: The writes that one has to know, too.
    """

    name: str
    contradicted: Operation
    others: tuple[Operation, ...]


class Register:
    """What was written to one register, by one worker after another."""

    def __init__(self) -> None:
        self._marks: dict[int, Operation] = {}
        self._acknowledged: list[Operation] = []  # by their ends

    def note(self, mark: Operation) -> None:
        """Take a write that has ended, or never will."""
        self._marks[mark.begin] = mark
        if mark.outcome == Outcome.DONE:
            bisect.insort(self._acknowledged, mark, key=lambda mark: mark.end)

    def written(self, version: int) -> Operation:
        """The write of *version*."""
        return self._marks[version]

    def later(self, mark: Operation) -> Iterator[Operation]:
        """The acknowledged writes by which that of *mark* is over, in the order of their ends."""
        if mark.outcome == Outcome.DONE:
            first = bisect.bisect_right(self._acknowledged, mark.end, key=lambda mark: mark.end)
            for number in range(first, len(self._acknowledged)):
                if self._acknowledged[number].begin > mark.end:
                    yield self._acknowledged[number]


class Sight:
    """What one process has seen of one register."""

    def __init__(self) -> None:
        self._ends: list[int] = []
        self._looks: list[Operation] = []  # each of a newer version than all before it

    def note(self, look: Operation) -> None:
        """Take a look that has ended."""
        if not self._looks or look.version > self._looks[-1].version:
            self._looks.append(look)
            self._ends.append(look.end)

    def newest(self, when: int) -> Operation | None:
        """The look that had ended by *when* and saw the newest version."""
        past = bisect.bisect_right(self._ends, when)
        return self._looks[past - 1] if past else None


class Registers:
    """Is told of writes, and judges looks, those of each process in the order of their ends.

    Attributes:
        ages: Of each look at a version that was over: for how many nanoseconds it had been.
        judged: How many looks there were.
    """

    def __init__(self) -> None:
        self.ages: list[int] = []
        self.judged = 0
        self._registers: defaultdict[int, Register] = defaultdict(Register)
        self._sights: defaultdict[tuple[str, int], Sight] = defaultdict(Sight)

    def note(self, mark: Operation) -> None:
        """Take a write that has ended, or never will."""
        self._registers[mark.dgst].note(mark)

    def judge(self, look: Operation, since: int) -> Fault | None:
        """Say what is wrong with *look*, which has to know of all that was acknowledged by *since*."""
        self.judged += 1
        register, sight = self._registers[look.dgst], self._sights[look.worker, look.dgst]
        written = register.written(look.version)
        seen = sight.newest(look.begin)
        sight.note(look)
        over = next(register.later(written), None)
        if over is not None and over.end < look.begin:
            self.ages.append(look.begin - over.end)
        if over is not None and over.end <= since:
            return Fault(STALE_VERSION, over, (written,))
        own = next((mark for mark in register.later(written) if mark.worker == look.worker), None)
        if own is not None and own.end <= look.begin:
            return Fault(OWN_UNREAD, own, (written,))
        if seen is not None and written.outcome == Outcome.DONE and seen.version > written.end:
            return Fault(BACK_IN_TIME, seen, (written, register.written(seen.version)))
        return None
