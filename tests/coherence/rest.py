"""Rest: who has left a yes that is not true, when everything has ended. Pure.

After a removal that was acknowledged such a yes is stale, at rest as at any time.
This is about removals that failed, or whose processes were killed: they had cleared
the cache before they touched a file, and their marker lay on. So they leave no lie,
unless it is one of those that nobody promises to prevent:

    the marker had ended when the file was touched: it was flushed, evicted, lost in a
    restart, or it had lain there for as long as markers do
    another removal of the same layer was under way at the same time, took over the
    marker, and took it away

Runs with such faults are not judged by this, nor are such removals.
"""

from collections import defaultdict
from collections.abc import Iterator

from tests.coherence.history import NEVER, Kind, Operation, Span

# They end markers early; while Redis is stopped, markers grow old, and what was given up is still to come.
FAULTS_THAT_END_MARKERS = frozenset({"restart", "flush", "evict", "stop"})
LATE = 250_000_000  # nanoseconds in which Redis may still do what somebody has given up

File = tuple[int, int]  # a link by repository and digest, a blob by EVERYWHERE and digest


class Removals:
    """Is told of removals that have ended, the untouched and the buried ones included."""

    def __init__(self) -> None:
        self._of: defaultdict[File, list[Operation]] = defaultdict(list)

    def note(self, removal: Operation) -> None:
        """Take one."""
        self._of[removal.repo, removal.dgst].append(removal)

    def blamed(self, file: File, life: int) -> Operation | None:
        """The removal that should have left no yes about *file*, which is gone; None if none is to blame.

        Args:
            file: The file.
            life: How long a marker lies, in nanoseconds.
        """
        blamed = None
        for removal in self._latest_first(file):
            if _touched(removal).until - removal.begin >= life or self._has_company(removal, file):
                return None
            blamed = removal
            if _has_surely_touched(removal):
                break
        return blamed

    def _latest_first(self, file: File) -> Iterator[Operation]:
        touching = [removal for removal in self._of[file] if _touched(removal) != NEVER]
        yield from sorted(touching, key=lambda removal: _touched(removal).since, reverse=True)

    def _has_company(self, removal: Operation, file: File) -> bool:
        return any(
            other is not removal and other.begin <= removal.end + LATE and other.end + LATE >= removal.begin
            for other in self._of[file]
        )


def _touched(removal: Operation) -> Span:
    return removal.blob if removal.kind == Kind.SWEEP else removal.link


def _has_surely_touched(removal: Operation) -> bool:
    """Whether it lived to tell; of one that was killed it is known when it began, and that it may have."""
    return _touched(removal).since > removal.begin
