"""Every interleaving, breadth first.

A state model is three things: a state, what can happen next in a state, and
what must never be. States are immutable and are compared by value, so that two
histories which lead to the same state are followed only once; and because the
search goes breadth first, the history that it tells of a broken promise is a
shortest one.

What a model proves is bounded by what it is started with: so many clients, with
so many operations each, and so many faults. Within these bounds it misses
nothing, which is what no test of a running program can say. That the program
does what the model does is for the tests with real parts to show.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, NamedTuple, TypeVar

S = TypeVar("S", bound=Hashable)

MOST_STATES = 3_000_000  # beyond which a scenario is too wide for the memory of a small machine

History = tuple[str, ...]


class Exploration(NamedTuple):
    """What came out of one or several searches.

    Attributes:
        states: How many were reached.
        findings: The promises that were broken, and the shortest history that led there.
    """

    states: int
    findings: dict[str, History]

    def joined(self, other: "Exploration") -> "Exploration":
        """Both; the shorter history for what both found."""
        findings = dict(self.findings)
        for promise, history in other.findings.items():
            if promise not in findings or len(history) < len(findings[promise]):
                findings[promise] = history
        return Exploration(self.states + other.states, findings)


class Model(NamedTuple, Generic[S]):
    """What can be explored.

    Attributes:
        start: The first state.
        steps: What can happen in a state: what is told of it, and the state then.
        broken: The names of the promises that a state breaks. It is told, too,
            whether nothing more can happen there.
    """

    start: S
    steps: Callable[[S], Iterable[tuple[str, S]]]
    broken: Callable[[S, bool], Iterable[str]]


def explore(model: Model[S], *, to_the_end: bool) -> Exploration:
    """Visit every state of *model*; one that breaks a promise is not followed further.

    Args:
        model: The model.
        to_the_end: If false, the first finding ends the search.
    """
    origins: dict[S, tuple[S, str] | None] = {model.start: None}
    waiting = deque([model.start])
    findings: dict[str, History] = {}
    while waiting and (to_the_end or not findings):
        state = waiting.popleft()
        steps = list(model.steps(state))
        broken = list(model.broken(state, not steps))
        for promise in broken:
            findings.setdefault(promise, _history(origins, state))
        if broken:
            continue
        for story, after in steps:
            if after not in origins:
                origins[after] = state, story
                waiting.append(after)
        if len(origins) > MOST_STATES:
            raise MemoryError(f"more than {MOST_STATES} states")
    return Exploration(len(origins), findings)


def _history(origins: dict[S, tuple[S, str] | None], state: S) -> History:
    stories: list[str] = []
    while (origin := origins[state]) is not None:
        state, story = origin
        stories.append(story)
    return tuple(reversed(stories))
