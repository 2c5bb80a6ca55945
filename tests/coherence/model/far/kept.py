"""Our design, and all that it bears."""

from tests.coherence.model.far import faults
from tests.coherence.model.far import refuted_commands as commands
from tests.coherence.model.far import refuted_steps as steps
from tests.coherence.model.far import scenarios as at
from tests.coherence.model.far.search import (
    EVERYTHING,
    FAILURES,
    LATE,
    LONG_MARKERS,
    RESTARTED,
    TIME,
    TIRED,
    but_for_p2,
    ours,
    row,
    with_step,
)
from tests.coherence.model.variants import OURS, WIDER, WOULD_DO

KEPT = (
    row(OURS, "tokens and markers end at any time", ours(*TIME), *at.PAIRS, *at.THIRDS),
    row(OURS, "a client gives up, sends again, or dies", ours(*FAILURES), *at.PAIRS),
    row(OURS, "two clients give up", ours(*TIRED, give_ups=2), at.READ_REMOVE),
    row(OURS, "what is known is evicted", ours(*FAILURES, faults.data_are_evicted), at.READ_REMOVE),
    row(OURS, "FLUSHALL", ours(*TIME, faults.flushall), *at.PAIRS, at.MOUNT),
    row(OURS, "redis comes back empty", ours(*RESTARTED, give_ups=0), *at.PAIRS),
    row(
        OURS,
        "all of that at once, but for P2: FLUSHALL",
        but_for_p2(ours(*EVERYTHING, faults.flushall)),
        at.READ_REMOVE,
    ),
    row(
        OURS,
        "all of that at once, but for P2: redis comes back empty",
        but_for_p2(ours(*EVERYTHING, faults.comes_back_empty)),
        at.READ_REMOVE,
    ),
    row(OURS, "stat reads the meta first", ours(*TIME), at.STAT),
    row(
        OURS,
        "a flight is joined until it asks",
        but_for_p2(ours(*TIME, faults.clients_give_up)),
        at.FLIGHT,
    ),
    row(
        OURS,
        "the body raises after it deleted: closing is ended",
        with_step("remove", steps.remove_raising, ours(*TIME)),
        at.READ_REMOVE,
    ),
    row(OURS, "the body is interrupted, the storage deletes late", ours(*LATE), *at.INTERRUPTIONS),
    row(
        OURS,
        "a report drops no marker; the remover dies",
        ours(*LONG_MARKERS, faults.clients_crash),
        at.REPORT,
    ),
)

WIDE = (
    row(
        WIDER,
        "the body is interrupted, all at once, but for P2",
        but_for_p2(ours(*EVERYTHING, faults.storage_deletes_late, faults.flushall)),
        at.INTERRUPTED,
        at.RETRIED_BY_ANOTHER,
    ),
    row(WIDER, "three clients; one gives up, sends again, or dies", ours(*FAILURES), *at.THIRDS),
    row(WIDER, "two clients give up, one dies", ours(*FAILURES, give_ups=2), *at.PAIRS, at.FLIGHT),
    row(
        WIDER,
        "all at once, with evictions, but for P2: FLUSHALL",
        but_for_p2(ours(*EVERYTHING, faults.data_are_evicted, faults.flushall)),
        *at.PAIRS,
    ),
    row(
        WIDER,
        "all at once, with evictions, but for P2: redis comes back empty",
        but_for_p2(ours(*EVERYTHING, faults.data_are_evicted, faults.comes_back_empty)),
        *at.PAIRS,
    ),
    row(
        WIDER,
        "three clients, two repositories, all at once, but for P2",
        but_for_p2(ours(*EVERYTHING, faults.flushall)),
        at.MOUNT,
        at.PUSH_ELSEWHERE,
    ),
    row(
        WIDER,
        "three clients, one gives up, markers end at any time, but for P2",
        but_for_p2(ours(*TIME, faults.clients_give_up)),
        at.PUSHED_MEANWHILE,
        at.REMOVED_TWICE,
        at.TWO_READERS,
        at.TWO_REMOVERS,
    ),
)

ALSO = (
    row(
        WOULD_DO,
        "a fill leaves its token where it lies",
        ours(*FAILURES)._replace(commands=commands.KEPT_TOKEN),
        at.READ_REMOVE,
        at.PUSH_AGAIN_REMOVE,
    ),
)
