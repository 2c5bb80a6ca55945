"""The rows of the table about the near tier.

I1  Wrong for a moment: an entry that is unlike Redis has its push on its way.
I2  Read your writes: when a writer in this process is told, no entry of that key
    is older than what it wrote.
I3  Never back in time: no entry of a key is older than what a caller has seen of it.
I4  Never older than that: nothing is served that a change made wrong which its
    writer was told of more than `max_staleness` ago.
"""

from collections.abc import Sequence
from functools import partial

from tests.coherence.model.explore import Model, explore
from tests.coherence.model.near import clock, order, refuted
from tests.coherence.model.near.order import FLUSHALL, HASH, SET, Near, Task
from tests.coherence.model.variants import NOT_PROMISED, OURS, REFUTED, WOULD_DO, Variant

TWO = (Task(SET, 0), Task(SET, 1))  # two digests of one repository
THREE = (Task(SET, 0), Task(SET, 0), Task(SET, 1))
BOTH_KEYS = (Task(SET, 0), Task(SET, 0), Task(HASH, 0))


def row(
    kind: str,
    title: str,
    near: Near,
    *,
    tasks: Sequence[Task] = TWO,
    foreign: Sequence[int] = (SET, SET),
    writes: bool = False,
    cuts: int = 0,
    breaks: str = "",
) -> Variant:
    """A row about order: *tasks* read, *foreign* keys are changed by others."""
    start = order.World(tuple(tasks), "waits" if writes else "none", tuple(foreign), cuts)
    model = Model(start, near.steps, order.broken)
    return Variant(kind, title, partial(explore, model, to_the_end=not breaks), breaks)


def clock_row(kind: str, title: str, design: clock.Clock, *, breaks: str = "") -> Variant:
    """A row about time."""
    model = Model(clock.World(), design.steps, clock.broken)
    return Variant(kind, title, partial(explore, model, to_the_end=not breaks), breaks)


KEPT = (
    row(OURS, "three reads of one key", Near(), tasks=THREE),
    row(OURS, "reads of two keys", Near(), tasks=BOTH_KEYS, foreign=(SET, HASH, SET)),
    row(OURS, "FLUSHALL, and a lost connection", Near(), tasks=THREE, foreign=(FLUSHALL, SET), cuts=1),
    row(OURS, "a write of its own", Near(), writes=True),
    row(OURS, "a write of its own, and a lost connection", Near(), foreign=(SET,), writes=True, cuts=1),
    clock_row(OURS, "heartbeats, and a silent network", clock.Clock()),
)

ALSO = (
    row(WOULD_DO, "reads are sent right behind CLIENT TRACKING", refuted.ReadsBehindTracking(), cuts=1),
    row(WOULD_DO, "an own write voids when it is sent", refuted.OwnWriteVoidsWhenSent(), writes=True, cuts=1),
)

BROKEN = (
    row(REFUTED, "kept without a token", refuted.KeepsWithoutToken(), breaks="I1"),
    row(REFUTED, "a token survives a lost connection", refuted.TokenSurvivesLoss(), cuts=1, breaks="I1"),
    row(REFUTED, "entries survive a lost connection", refuted.EntriesSurviveLoss(), cuts=1, breaks="I1"),
    row(
        REFUTED,
        "a token survives FLUSHALL",
        refuted.TokenSurvivesFlush(),
        foreign=(FLUSHALL,),
        breaks="I1",
    ),
    row(REFUTED, "reads are sent before CLIENT TRACKING", refuted.ReadsBeforeTracking(), cuts=1, breaks="I1"),
    row(
        REFUTED,
        "an own write voids nothing, and waits for its push",
        refuted.OwnWriteVoidsNothing(),
        foreign=(),
        writes=True,
        breaks="I2",
    ),
    row(REFUTED, "tracks with BCAST", refuted.Broadcasts(), breaks="I3"),
    row(
        REFUTED,
        "tracks with NOLOOP, an own write voids its digest alone",
        refuted.SparesItsOwnPush(),
        foreign=(),
        writes=True,
        breaks="I1",
    ),
    clock_row(REFUTED, "trust counts from the PONG's arrival", refuted.TrustsFromArrival(), breaks="I4"),
    clock_row(REFUTED, "an error is a heartbeat", refuted.TrustsErrors(), breaks="I4"),
)

BEYOND = (
    row(
        NOT_PROMISED,
        "a change that pushes nothing (SWAPDB)",
        refuted.OthersPushNothing(),
        foreign=(SET,),
        breaks="I1",
    ),
    clock_row(
        NOT_PROMISED,
        "a master was replaced, and has not heard of it",
        refuted.OldMasterDoesNotKnow(),
        breaks="I4",
    ),
)

NEAR = (*KEPT, *ALSO, *BROKEN, *BEYOND)
