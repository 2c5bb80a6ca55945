"""What a row of the table is made of."""

from collections.abc import Iterable
from functools import partial

from tests.coherence.model.explore import Exploration
from tests.coherence.model.far import faults
from tests.coherence.model.far.model import Design, Scenario
from tests.coherence.model.far.world import Budget, Step
from tests.coherence.model.variants import NOT_PROMISED, Variant

TIME = (faults.tokens_end, faults.markers_end)
LONG_MARKERS = (faults.tokens_end, faults.markers_outlive_bodies)
LATE = (*LONG_MARKERS, faults.storage_deletes_late)
TIRED = (*LONG_MARKERS, faults.clients_give_up)
RESTARTED = (*TIME, faults.clients_give_up, faults.comes_back_empty)
FAILURES = (*LONG_MARKERS, faults.clients_give_up, faults.clients_crash)
EVERYTHING = (*TIME, faults.clients_give_up, faults.clients_crash)


def ours(*some: faults.Fault, **times: int) -> Design:
    """Our design, under *some* faults, each once or as many *times* as is said."""
    return Design(faults=some, budget=Budget(**times))


def with_step(name: str, step: Step, design: Design) -> Design:
    """*design*, but that the operation *name* begins with *step*."""
    return design._replace(operations={**design.operations, name: step})


def but_for_p2(design: Design) -> Design:
    """*design*, and whether it lies to nobody but at rest."""
    return design._replace(watched=("P1", "P4", "P5"))


def row(kind: str, title: str, design: Design, *scenarios: Scenario, breaks: str = "") -> Variant:
    """A row of the table; a search that must find something ends with that.

    But where P2 is not promised, it goes on, and must find nothing else.
    """
    to_the_end = not breaks or (kind == NOT_PROMISED and breaks == "P2")
    return Variant(kind, title, partial(explored, design, scenarios, to_the_end=to_the_end), breaks)


def explored(design: Design, scenarios: Iterable[Scenario], *, to_the_end: bool) -> Exploration:
    """What is found in all of *scenarios*."""
    found = Exploration(0, {})
    for scenario in scenarios:
        found = found.joined(design.explore(scenario, to_the_end=to_the_end))
    return found
