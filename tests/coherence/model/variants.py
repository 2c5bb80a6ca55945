"""A row of the table: a design, what it has to bear, and which promise that breaks, if any."""

from collections.abc import Callable
from typing import NamedTuple

from tests.coherence.model.explore import Exploration

OURS = "ours"  # and must keep every promise
WIDER = "ours, wide"  # the same, but takes too long for the tests
REFUTED = "refuted"  # and must break the one that is named
WOULD_DO = "would do"  # not ours, and keeps every promise all the same
NOT_PROMISED = "not promised"  # the same, of ours: what it does not bear


class Variant(NamedTuple):
    """A design under certain faults.

    Attributes:
        kind: One of those above.
        title: What it is called.
        explore: Looks for what is broken.
        breaks: The promise that is to be found broken, and no other; empty: none.
    """

    kind: str
    title: str
    explore: Callable[[], Exploration]
    breaks: str = ""

    @property
    def expected(self) -> set[str]:
        """The promises that are to be found broken."""
        return {self.breaks} if self.breaks else set()

    def __str__(self) -> str:
        return f"{self.kind}: {self.title}"
