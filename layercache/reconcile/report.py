"""What a walk has found so far, and who is told."""

from collections import Counter
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import NamedTuple

from layercache.source import PARTS, Strays


class Kind(StrEnum):
    """What is wrong."""

    STALE = "stale"
    """The cache answers what the source does not."""
    MISSING = "missing"
    """The source has it, and the cache does not know: nothing is wrong."""
    CORRUPT = "corrupt"
    """It makes no sense, to the cache or, where `key` is a path, to the source."""
    LEFTOVER = "leftover"
    """Something is kept beside a membership that is gone; by itself it makes no answer."""


class Difference(NamedTuple):
    """Something on which a cache and a source do not agree.

    Attributes:
        kind: What is wrong.
        repo: Whose membership it is about; None: it is about a meta.
        dgst: The digest; None: it is about all that *repo* has.
        key: Where it lies, if it is corrupt: a Redis key, or a path in the
            storage; or what is wrong with what the source said.
        field: Which part of it is malformed; empty when it is the whole.
        fixed: Whether the cache was cleared of it.
    """

    kind: Kind
    repo: str | None
    dgst: str | None
    key: str = ""
    field: str = ""
    fixed: bool = False


class Report(NamedTuple):
    """How far a walk has come, and what it has found.

    Attributes:
        cursor: For `Reconciler.run`, to go on from here; empty at the beginning.
        known: Memberships and metas that the cache told.
        listed: Links and blobs that the source listed.
        stale: Differences of this kind, as `Kind` has them.
        missing: The same; none if the source cannot be listed.
        corrupt: The same.
        leftover: The same.
        fixed: Differences that the cache was cleared of.
        passed_over: Files in the source's tree that no registry has put there.
        strays: The paths of the first 20 of them, with escapes for what cannot be printed.
    """

    cursor: str
    known: int
    listed: int
    stale: int
    missing: int
    corrupt: int
    leftover: int
    fixed: int
    passed_over: int = 0
    strays: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether the walk has come to its end."""
        return self.cursor == PARTS[-1]


class Tally:
    """Counts what a walk comes by, and tells of it."""

    def __init__(
        self,
        cursor: str,
        on_difference: Callable[[Difference], object] | None,
        on_progress: Callable[[Report], object] | None,
    ) -> None:
        self._cursor = cursor
        self._known = 0
        self._listed = 0
        self._counts: Counter[Kind] = Counter()
        self._fixed = 0
        self._on_difference = on_difference
        self._on_progress = on_progress
        self.strays: Strays = Strays()

    @property
    def report(self) -> Report:
        """What there is to say now."""
        counts = self._counts
        return Report(
            self._cursor,
            self._known,
            self._listed,
            counts[Kind.STALE],
            counts[Kind.MISSING],
            counts[Kind.CORRUPT],
            counts[Kind.LEFTOVER],
            self._fixed,
            self.strays.count,
            tuple(self.strays.shown),
        )

    def read(self, *, known: int = 0, listed: int = 0) -> None:
        """So much more was read."""
        self._known += known
        self._listed += listed
        self._tell_progress()

    def found(self, differences: Iterable[Difference]) -> None:
        """*differences* were found, and are not to be found again by a walk that goes on from here."""
        for difference in differences:
            self._counts[difference.kind] += 1
            self._fixed += difference.fixed
            if self._on_difference is not None:
                self._on_difference(difference)

    def finished(self, part: str) -> None:
        """All of *part* was told."""
        self._cursor = part
        self._tell_progress()

    def _tell_progress(self) -> None:
        if self._on_progress is not None:
            self._on_progress(self.report)
