"""What a run has to say: its numbers, and for each sort of violation the shortest story."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.coherence.checker import Violation
from tests.coherence.faults import Fault
from tests.coherence.history import CHANGES, EVERYWHERE, NEVER, Kind, Operation, Outcome
from tests.coherence.settings import Settings
from tests.coherence.tree import DGSTS, REPOS
from tests.coherence.variants import VARIANTS

SECOND = 1_000_000_000
SHARES = {"half of them": 0.5, "99 %": 0.99, "all": 1.0}
KEPT = 1_000  # violations whose stories are compared
NEAR_NANOSECONDS = 50_000  # in which no question gets to Redis and back


@dataclass
class Report:
    """The numbers of a run; they are added up while it runs.

    Attributes:
        begin: When it began, in nanoseconds.
        end: When it had ended.
        operations: How many of each kind.
        outcomes: How many answers or changes of each kind ended how.
        by_second: How many operations ended in each second.
        judged: How many answers the checker judged.
        unjudged: How many it could not.
        violations: Those that were found, or the first so many.
        violated: How many there were of each sort.
        caught: When the first was found by which the variant is to be caught, in seconds from the begin.
        faults: What befell the run.
        tallies: What the caches told of themselves.
        near: How many looks at registers came from near, by the time that they took.
        looks: How many were judged.
        ages: Of each at a version that was over: for how many nanoseconds it had been.
        claims_at_rest: Layers that the cache claimed when all was over.
        lies_at_rest: Those of them that the storage did not have.
        kept_at_rest: Layers that it claimed after all had been read once more; 0: that was not tried.
    """

    settings: Settings
    begin: int
    end: int = 0
    operations: Counter[int] = field(default_factory=Counter)
    outcomes: Counter[tuple[int, int]] = field(default_factory=Counter)
    by_second: Counter[int] = field(default_factory=Counter)
    judged: int = 0
    unjudged: int = 0
    violations: list[Violation] = field(default_factory=list)
    violated: Counter[str] = field(default_factory=Counter)
    caught: float | None = None
    faults: list[Fault] = field(default_factory=list)
    tallies: Counter[str] = field(default_factory=Counter)
    near: int = 0
    looks: int = 0
    ages: list[int] = field(default_factory=list)
    claims_at_rest: int = 0
    lies_at_rest: int = 0
    kept_at_rest: int = 0
    _last: tuple[str, int] = ("", 0)

    def count(self, operation: Operation) -> None:
        """Count one record of a log; the layers of a bulk form, which come together, are one operation."""
        if operation.outcome == Outcome.BEGUN or operation.kind == Kind.WITNESS:
            return
        is_seen = operation.kind == Kind.LOOK and operation.outcome == Outcome.YES
        self.near += is_seen and operation.end - operation.begin < NEAR_NANOSECONDS
        self.outcomes[operation.kind, operation.outcome] += 1
        if self._last != (operation.worker, operation.number):
            self._last = operation.worker, operation.number
            self.operations[operation.kind] += 1
            self.by_second[(operation.end - self.begin) // SECOND] += 1

    def blame(self, violations: Iterable[Violation], when: int) -> None:
        """Add what the checker found at *when*."""
        for violation in violations:
            if self.caught is None and violation.name == VARIANTS[self.settings.variant].fault:
                self.caught = (when - self.begin) / SECOND
            self.violated[violation.name] += 1
            if len(self.violations) < KEPT:
                self.violations.append(violation)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong, and that was looked for: answers were judged, and none was left out."""
        return not self.violated and self.judged > 0 and self.unjudged == 0

    @property
    def rate(self) -> float:
        """Operations per second."""
        return self.operations.total() * SECOND / (self.end - self.begin)

    # ---- in words

    def lines(self) -> Iterator[str]:
        """The whole of it."""
        told = self.settings
        yield (
            f"{told.variant}, seed {told.seed}: {told.workers} workers of {told.tasks} tasks and a sweeper,"
            f" {(self.end - self.begin) / SECOND:.1f} s, persistence {told.persistence}"
        )
        yield f"operations   {self.operations.total():10,}   {self.rate:8,.0f} /s"
        for kind in Kind:
            if self.operations[kind]:
                yield f"  {kind.name.lower():10} {self.operations[kind]:10,}   {self._ended(kind)}"
        yield f"cache        {_listed(self.tallies)}"
        yield f"faults       {_listed(Counter(fault.name for fault in self.faults)) or 'none'}"
        yield f"answers      {self.judged:,} judged, {self.unjudged} that came too late to be"
        near = f", {self.near:,} came from near" if VARIANTS[told.variant].max_staleness else ""
        yield f"looks        {self.looks:,} judged{near}; {self._staleness()}"
        yield (
            f"at rest      {self.claims_at_rest} layers claimed by the cache, {self.lies_at_rest} that the"
            f" storage does not have; {self.kept_at_rest} once all had been read"
        )
        yield f"violations   {_listed(self.violated) or 'none'}"
        if self.violations:
            layers = {(violation.answer.repo, violation.answer.dgst) for violation in self.violations}
            latest = max(violation.age for violation in self.violations) / SECOND
            if self.caught is not None:
                name = VARIANTS[told.variant].fault
                yield f"             the first {name} was caught after {self.caught:.1f} s"
            yield f"             of {len(layers)} layers, the last {latest:.2f} s after what it contradicts"
        yield from self._stories()

    def rates(self) -> Iterator[str]:
        """Operations per second, ten seconds to a line."""
        seconds = (self.end - self.begin) // SECOND
        for begin in range(0, seconds, 10):
            counts = [self.by_second[second] for second in range(begin, min(begin + 10, seconds))]
            yield f"  {begin:4} s  {sum(counts) / len(counts):8,.0f} /s  {min(counts):6,} to {max(counts):6,}"

    def _staleness(self) -> str:
        if not self.ages:
            return "none was older than the last change"
        ages = sorted(self.ages)
        some = ", ".join(
            f"{name} {ages[int(share * (len(ages) - 1))] / 1e6:.2f} ms" for name, share in SHARES.items()
        )
        return f"{len(ages):,} were older than the last change: {some}"

    def _ended(self, kind: Kind) -> str:
        counts = {outcome: self.outcomes[kind, outcome] for outcome in Outcome}
        return ", ".join(f"{count:,} {outcome.name.lower()}" for outcome, count in counts.items() if count)

    def _stories(self) -> Iterator[str]:
        for name in self.violated:
            shortest = min(
                (violation for violation in self.violations if violation.name == name),
                key=lambda violation: len(violation.story),
                default=None,
            )
            if shortest is not None:
                yield from story(shortest, self.faults)


def story(violation: Violation, faults: Iterable[Fault]) -> Iterator[str]:
    """What happened, one operation a line, and the faults in that time; milliseconds from the first."""
    answer = violation.answer
    begin = violation.story[0].begin
    yield ""
    yield f"{violation.name}: {_subject(answer)}"
    lines = [
        (operation.begin, operation.end, _told(operation, begin) + ("   <-" if operation is answer else ""))
        for operation in violation.story
    ]
    lines += [
        (fault.begin, fault.end, f"({fault.name})")
        for fault in faults
        if fault.begin <= answer.end and fault.end >= begin
    ]
    for since, until, text in sorted(lines):
        yield f"  {_ms(since, begin)} to {_ms(until, begin)}  {text}"
    evidence = " and ".join(
        f"the {Kind(operation.kind).name.lower()} at {_ms(operation.end, begin).strip()}"
        for operation in dict.fromkeys(violation.evidence)
    )
    yield f"  This answer contradicts what was acknowledged before: {evidence}."


def _told(operation: Operation, begin: int) -> str:
    kind, outcome = Kind(operation.kind), Outcome(operation.outcome)
    is_of_a_register = kind in (Kind.MARK, Kind.LOOK)
    place = f"register {operation.dgst}" if is_of_a_register else _place(operation.repo)
    text = f"{operation.worker:12} {kind.name.lower():10} {place:12} {outcome.name.lower()}"
    if operation.kind == Kind.LOOK:
        text += f", what was marked at {_ms(operation.version, begin).strip()}"
    if operation.kind in CHANGES:
        for file, span in (("blob", operation.blob), ("link", operation.link)):
            if span != NEVER:
                text += f", {file} at {_ms(span.since, begin).strip()}"
                text += (
                    ""
                    if span.until - span.since < SECOND // 1000
                    else f" to {_ms(span.until, begin).strip()}"
                )
    return text


def _subject(answer: Operation) -> str:
    if answer.kind == Kind.LOOK:
        return f"register {answer.dgst}"
    return f"{_place(answer.repo)}, layer {answer.dgst} ({DGSTS[answer.dgst][:19]}…)"


def _place(repo: int) -> str:
    return "everywhere" if repo == EVERYWHERE else REPOS[repo]


def _ms(when: int, begin: int) -> str:
    return f"{(when - begin) / 1e6:10.3f}"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())
