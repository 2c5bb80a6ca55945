"""The checker: which answers can no order of the operations explain? Pure.

A repository has a layer while two files are there, its link and the blob. Of
each file we know what was done to it, and of each deed three times: *since* and
*until*, between which the file was touched, and when it was *acknowledged*. A
deed that failed, or whose process was killed, is never acknowledged; it may
have touched the file at any time from its begin to its end, or to the kill.
What the storage deleted late, under a hold, counts as acknowledged from the moment
on at which that was done and its bracket had been left (`deletions.py`).

An answer was given at some moment between its call and its return, so

    a yes is stale    if the deletion of one of the two files had been acknowledged
                      before the call, and no deed that can have come after that
                      deletion can have written the file before the return;
    a no is stale     if writings of both files had been acknowledged before the
                      call, and of neither file a deletion can have come after its
                      writing and before the return.

So a stale yes needs one deletion and a look at the writings, a stale no the
same with the two exchanged: `contradiction` is both. The files are judged each
by itself, since a source reads them one after the other. What the cache alone
is asked and does not know is a miss, and no answer.

Of several deletions that had been acknowledged, the one that touched the file
last is the strongest evidence, for the fewest writings can have come after it.

How old a yes may be that comes from near, `travel.py` says: so much earlier the
deletion must have been acknowledged that it contradicts, unless it is one of the
same process, which reads at once what it has written. Of the registers, which
are there to tell older from newer, `registers.py` judges.

A process tells of a change before it touches a file. So of what ended before
the earliest change that is still under way, all is known, and it is judged
then, once. What can no longer matter is forgotten some time after that.
"""

import bisect
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tests.coherence.history import ADDITIONS, CHANGES, EVERYWHERE, NEVER, Kind, Operation, Outcome, Span
from tests.coherence.registers import Registers
from tests.coherence.rest import File, Removals
from tests.coherence.travel import Travel

RETENTION = 30_000_000_000  # nanoseconds; longer than any call may take
UNACKNOWLEDGED = 2**63
RECENT = 60  # answers about a layer that are kept for the story

STALE_YES = "stale yes"
STALE_NO = "stale no"
LIE_AT_REST = "lie at rest"
NEVER_CACHED = "never cached again"


class Deed(NamedTuple):
    """What an operation did to one file."""

    file: File
    since: int
    until: int
    acknowledged: int
    operation: Operation


class Deeds:
    """All of one sort, writings or deletions, that were done to one file, in their order."""

    def __init__(self) -> None:
        self._all: list[Deed] = []

    def __iter__(self) -> Iterator[Deed]:
        return iter(self._all)

    def add(self, deed: Deed) -> None:
        """Take one more."""
        bisect.insort(self._all, deed, key=lambda deed: deed.since)

    def last_acknowledged(self, when: int) -> Deed | None:
        """Of those acknowledged by *when*, the one that touched the file last."""
        return next((deed for deed in reversed(self._all) if deed.acknowledged <= when), None)

    def last_known(self, answer: Operation, since: int) -> Deed | None:
        """The same, of those that *answer* has to know: by *since*, and its own process's by its begin."""
        for deed in reversed(self._all):
            is_own = deed.operation.worker == answer.worker
            if deed.acknowledged <= (answer.begin if is_own else since):
                return deed
        return None

    def may_follow(self, deed: Deed, when: int) -> bool:
        """Whether one of these can have come after *deed* and by *when*."""
        return any(one.since <= when and one.until >= deed.since for one in reversed(self._all))

    def forget(self, when: int, others: "Deeds") -> None:
        """Drop what can no longer matter to calls from *when* on.

        That is what was done before the last of *others* that had been acknowledged by then: that one
        answers all that it could prove, and nothing that it could answer is evidence any more.
        """
        other = others.last_acknowledged(when)
        if other is not None:
            self._all = [deed for deed in self._all if deed.until >= other.since]


def contradiction(evidence: Deeds, remedies: Deeds, answer: Operation, since: int) -> Deed | None:
    """The last deed of *evidence* that *answer* contradicts, if nothing in *remedies* explains it."""
    last = evidence.last_known(answer, since)
    return None if last is None or remedies.may_follow(last, answer.end) else last


class Violation(NamedTuple):
    """An answer that nothing explains.

    Attributes:
        name: What it is called.
        answer: The answer.
        evidence: What had been acknowledged before it was asked for.
        story: The operations that matter, in the order of their begin: what was done to the link and to
            what the evidence is of, and like answers that were under way before it was acknowledged.
    """

    name: str
    answer: Operation
    evidence: list[Operation]
    story: list[Operation]

    @property
    def age(self) -> int:
        """How long ago that was when the answer was given, in nanoseconds."""
        return self.answer.end - min(operation.end for operation in self.evidence)


class Checker:
    """Is told of operations, those of each process in the order of its log, and judges answers.

    Attributes:
        registers: What judges the looks at registers.
        judged: How many answers were.
        unjudged: How many came too late to be.
    """

    def __init__(self, retention: int = RETENTION, max_staleness: int = 0) -> None:
        """Expect answers that are true.

        Args:
            retention: Nanoseconds; what can no longer matter to calls that took so long is forgotten.
            max_staleness: Nanoseconds that one from near may be old, when nothing is heard.
        """
        self.registers = Registers()
        self.judged = 0
        self.unjudged = 0
        self._writings: defaultdict[File, Deeds] = defaultdict(Deeds)
        self._deletions: defaultdict[File, Deeds] = defaultdict(Deeds)
        self._removals = Removals()
        self._under_way: dict[tuple[str, int], Operation] = {}
        self._answers: list[Operation] = []
        self._recent: defaultdict[File, deque[Operation]] = defaultdict(lambda: deque(maxlen=RECENT))
        self._travel = Travel(max_staleness)
        self._retention = retention
        self._forgotten = 0

    @property
    def remembered(self) -> int:
        """How many deeds are."""
        return sum(len(list(deeds)) for deeds in [*self._writings.values(), *self._deletions.values()])

    # ---- what is told

    def take(self, operation: Operation) -> None:
        """Take one record of a log."""
        if operation.kind == Kind.WITNESS:
            self._travel.note(operation)
        elif operation.kind not in CHANGES:
            if operation.outcome in (Outcome.YES, Outcome.NO):
                self._answers.append(operation)
        elif operation.outcome == Outcome.BEGUN:
            self._under_way[operation.worker, operation.number] = operation
        else:
            del self._under_way[operation.worker, operation.number]
            self._note(operation)

    def bury(self, worker: str, when: int) -> None:
        """Take it that *worker* was dead at *when*: what it had under way was done until then, or never."""
        for key, operation in list(self._under_way.items()):
            if operation.worker == worker:
                del self._under_way[key]
                at_any_time = Span(operation.begin, when)
                lost = operation._replace(outcome=Outcome.FAILED, end=when)
                self._note(lost.touched(at_any_time, at_any_time))

    def _note(self, operation: Operation) -> None:
        if operation.kind == Kind.MARK:
            self.registers.note(operation)
            return
        if operation.kind not in ADDITIONS:
            self._removals.note(operation)
        deeds = self._writings if operation.kind in ADDITIONS else self._deletions
        blob, link = (EVERYWHERE, operation.dgst), (operation.repo, operation.dgst)
        if operation.kind in (Kind.PUSH, Kind.SWEEP) and operation.blob != NEVER:
            deeds[blob].add(_deed(blob, operation, operation.blob))
        if operation.kind != Kind.SWEEP and operation.link != NEVER:
            deeds[link].add(_deed(link, operation, operation.link))

    # ---- judging

    def judge(self, when: int) -> list[Violation]:
        """Judge the answers that can be, if the logs were read to their ends after *when*."""
        horizon = min([when, *(operation.begin for operation in self._under_way.values())])
        ready = [answer for answer in self._answers if answer.end < horizon]
        self._answers = [answer for answer in self._answers if answer.end >= horizon]
        for answer in ready:
            if answer.kind != Kind.LOOK:
                self._recent[answer.repo, answer.dgst].append(answer)
        found = [violation for answer in ready if (violation := self._judged(answer))]
        if horizon - self._forgotten > 2 * self._retention:
            self._forget(horizon - self._retention)
        return found

    def judge_yes_at_rest(self, yes: Operation, absent: Iterable[File], marker_life: int) -> Violation | None:
        """Judge one that was given when all was over and files were *absent*; nanoseconds."""
        evidence = [removal for file in absent if (removal := self._removals.blamed(file, marker_life))]
        return self._at_rest(LIE_AT_REST, yes, evidence) if evidence else None

    def judge_miss_at_rest(self, miss: Operation) -> Violation:
        """Judge a miss of what is there, though it was read right before, when no marker lay any more."""
        evidence = [deed.operation for file in self._files(miss) for deed in self._writings[file]]
        return self._at_rest(NEVER_CACHED, miss, evidence[-1:] or [miss])

    def _at_rest(self, name: str, answer: Operation, evidence: list[Operation]) -> Violation:
        begin = min(operation.begin for operation in evidence)
        told = {answer, *evidence}
        told |= {deed.operation for deed in self._around(self._files(answer), begin, answer.end)}
        return Violation(name, answer, evidence, sorted(told, key=lambda operation: operation.begin))

    def _judged(self, answer: Operation) -> Violation | None:
        since = self._travel.since(answer)
        if since < self._forgotten:
            self.unjudged += 1
            return None
        self.judged += 1
        if answer.kind == Kind.LOOK:
            return self._look_judged(answer, since)
        is_yes = answer.outcome == Outcome.YES
        against, for_it = (self._deletions, self._writings) if is_yes else (self._writings, self._deletions)
        files = self._files(answer)
        found = [contradiction(against[file], for_it[file], answer, since) for file in files]
        evidence = [deed for deed in found if deed]
        is_wrong = bool(evidence) if is_yes else len(evidence) == len(found)
        return self._violation(answer, evidence) if is_wrong else None

    def _look_judged(self, look: Operation, since: int) -> Violation | None:
        fault = self.registers.judge(look, since)
        if fault is None:
            return None
        told = {look, fault.contradicted, *fault.others}
        story = sorted(told, key=lambda operation: operation.begin)
        return Violation(fault.name, look, [fault.contradicted], story)

    def _forget(self, when: int) -> None:
        for file in self._writings.keys() | self._deletions.keys():
            self._writings[file].forget(when, self._deletions[file])
            self._deletions[file].forget(when, self._writings[file])
        self._forgotten = when

    # ---- the story

    def _violation(self, answer: Operation, evidence: list[Deed]) -> Violation:
        begin = min(deed.operation.begin for deed in evidence)
        acknowledged = max(deed.acknowledged for deed in evidence)
        told = {answer, *(deed.operation for deed in evidence)}
        files = {(answer.repo, answer.dgst), *(deed.file for deed in evidence)}
        told |= {deed.operation for deed in self._around(files, begin, answer.end)}
        told |= {
            other
            for other in self._recent[answer.repo, answer.dgst]
            if other.outcome == answer.outcome and begin <= other.end and other.begin <= acknowledged
        }
        name = STALE_YES if answer.outcome == Outcome.YES else STALE_NO
        story = sorted(told, key=lambda operation: operation.begin)
        return Violation(name, answer, [deed.operation for deed in evidence], story)

    def _around(self, files: Iterable[File], begin: int, end: int) -> Iterator[Deed]:
        """What was done in that time to each of *files*, and last before it."""
        for file in files:
            deeds = sorted([*self._writings[file], *self._deletions[file]], key=lambda deed: deed.since)
            yield from [deed for deed in deeds if deed.until < begin][-1:]
            yield from (deed for deed in deeds if begin <= deed.until and deed.since <= end)

    @staticmethod
    def _files(answer: Operation) -> tuple[File, File]:
        return (answer.repo, answer.dgst), (EVERYWHERE, answer.dgst)  # for a meta, twice the blob


def _deed(file: File, operation: Operation, span: Span) -> Deed:
    is_acknowledged = operation.outcome in (Outcome.DONE, Outcome.LATE)
    return Deed(file, span.since, span.until, operation.end if is_acknowledged else UNACKNOWLEDGED, operation)
