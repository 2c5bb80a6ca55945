"""Designs that do not keep the promises, and faults that ours does not bear."""

from tests.coherence.model.far import faults
from tests.coherence.model.far import refuted_commands as commands
from tests.coherence.model.far import refuted_steps as steps
from tests.coherence.model.far import scenarios as at
from tests.coherence.model.far.search import FAILURES, LATE, LONG_MARKERS, TIME, ours, row, with_step
from tests.coherence.model.variants import NOT_PROMISED, REFUTED

NONE = ours()
PUTTING = with_step("read", steps.read_and_put, NONE)
TIRING = ours(*TIME, faults.clients_give_up)
LATELY = ours(*LATE)
DYING = ours(*LONG_MARKERS, faults.clients_crash)

BROKEN = (
    row(
        REFUTED,
        "no lease: the plain read-through of the Go registry",
        with_step("remove", steps.remove_and_clear, PUTTING),
        at.READ_REMOVE,
        breaks="P1",
    ),
    row(
        REFUTED,
        "tombstones that outlive every operation; a put comes late",
        PUTTING._replace(
            commands=commands.TOMBSTONES, faults=(commands.tombstones_end, faults.clients_give_up)
        ),
        at.READ_REMOVE,
        breaks="P1",
    ),
    row(
        REFUTED,
        "tombstones that never end; FLUSHALL",
        PUTTING._replace(commands=commands.TOMBSTONES, faults=(faults.flushall,)),
        at.READ_REMOVE,
        breaks="P1",
    ),
    row(
        REFUTED,
        "a request for a lease is sent again with the same token",
        with_step("read", steps.read_with_one_token, ours(*LONG_MARKERS, faults.clients_give_up)),
        at.READ_REMOVE,
        breaks="P1",
    ),
    row(
        REFUTED,
        "only the membership's token is compared",
        with_step("read", steps.read_with_half_a_lease, NONE),
        at.READ_SWEEP,
        breaks="P1",
    ),
    row(
        REFUTED,
        "adding asks for its lease after the commit",
        with_step("add", steps.add_then_lease, NONE),
        at.PUSH_REMOVE,
        breaks="P1",
    ),
    row(
        REFUTED,
        "adding stores by a plain put",
        with_step("add", steps.add_and_put, NONE),
        at.PUSH_REMOVE,
        breaks="P1",
    ),
    row(
        REFUTED,
        "adding without a lease runs no body",
        with_step("add", steps.add_with_a_lease_only, TIRING),
        at.PUSH_ALONE,
        breaks="P4",
    ),
    row(
        REFUTED,
        "confirm heals by a plain put",
        with_step("confirm", steps.confirm_and_put, NONE),
        at.CONFIRM_REMOVE,
        breaks="P1",
    ),
    row(
        REFUTED,
        "no bracket: delete, then remove; the remover dies",
        with_step("remove", steps.remove_and_clear, DYING),
        at.CONFIRM_REMOVE,
        breaks="P2",
    ),
    row(
        REFUTED,
        "closing places no marker; the remover dies",
        DYING._replace(commands=commands.NO_MARKER),
        at.READ_REMOVE,
        breaks="P2",
    ),
    row(
        REFUTED,
        "a report drops the marker; the remover dies",
        DYING._replace(commands=commands.ANY_MARKER),
        at.REPORT,
        breaks="P2",
    ),
    row(
        REFUTED,
        "closing is begun and never ended",
        with_step("remove", steps.close_and_delete, ours(*TIME)),
        at.READ_REMOVE,
        breaks="P1",
    ),
    row(
        REFUTED,
        "the body raises after it deleted: closing is not ended",
        with_step("remove", steps.remove_raising_unended, ours(*TIME)),
        at.READ_REMOVE,
        breaks="P2",
    ),
    row(
        REFUTED,
        "the body runs though no marker was placed; the remover dies",
        with_step("remove", steps.remove_unannounced, ours(*FAILURES)),
        at.CONFIRM_REMOVE,
        breaks="P2",
    ),
    row(
        REFUTED,
        "a deletion is acknowledged though closing was not ended",
        with_step("remove", steps.remove_unended, TIRING),
        at.READ_REMOVE,
        breaks="P1",
    ),
    row(
        REFUTED,
        "an interrupted body ends as any other: the marker is dropped",
        with_step("interrupt", steps.interrupt_and_release, LATELY),
        at.INTERRUPTED,
        breaks="P2",
    ),
    row(
        REFUTED,
        "an interrupted body leaves its marker, which is as old as the bracket",
        with_step("interrupt", steps.interrupt_and_leave, LATELY),
        at.INTERRUPTED,
        breaks="P2",
    ),
    row(
        REFUTED,
        "a retried removal ends the hold: it places its marker over it",
        LATELY._replace(commands=commands.LOSABLE_HOLD),
        at.RETRIED,
        breaks="P2",
    ),
    row(
        REFUTED,
        "a reconciler ends the hold: it places its marker over it",
        LATELY._replace(commands=commands.LOSABLE_HOLD),
        at.RECONCILED,
        breaks="P2",
    ),
    row(
        REFUTED,
        "a reconciler ends the hold: it drops it with its marker",
        LATELY._replace(commands=commands.DROPPED_HOLD),
        at.RECONCILED,
        breaks="P2",
    ),
    row(
        REFUTED,
        "a report drops the hold",
        LATELY._replace(commands=commands.ANY_MARKER),
        at.REPORTED,
        breaks="P2",
    ),
    row(
        REFUTED,
        "an interrupted body leaves a hold and does not clear",
        LATELY._replace(commands=commands.UNCLEARED_HOLD),
        at.RECONCILED,
        breaks="P2",
    ),
    row(
        REFUTED,
        "markers never end; the remover dies",
        ours(faults.tokens_end, faults.clients_crash),
        at.READ_REMOVE,
        breaks="P5",
    ),
    row(
        REFUTED,
        "stat reads the membership first",
        with_step("stat", steps.stat_membership_first, NONE),
        at.STAT,
        breaks="P1",
    ),
    row(
        REFUTED,
        "contains reads the membership alone",
        with_step("contains", steps.membership_alone, NONE),
        at.MEMBER,
        breaks="P1",
    ),
    row(
        REFUTED,
        "a flight is joined as long as it flies",
        with_step("join", steps.join_late, NONE),
        at.FLIGHT,
        breaks="P1",
    ),
)

BEYOND = (
    row(
        NOT_PROMISED,
        "old data come back (failover, restart)",
        ours(faults.clients_give_up, faults.old_data_come_back, give_ups=0),
        at.CONFIRM_REMOVE,
        breaks="P1",
    ),
    row(
        NOT_PROMISED,
        "the storage deletes after the bracket has ended",
        with_step("remove", steps.remove_before_storage_does, NONE),
        at.READ_REMOVE,
        breaks="P1",
    ),
    row(
        NOT_PROMISED,
        "who fills without a lease, beside us (a Go registry)",
        PUTTING,
        at.READ_REMOVE,
        breaks="P1",
    ),
    row(
        NOT_PROMISED,
        "two remove one layer at once, and one of them dies",
        DYING,
        at.REMOVERS_AND_PUSH,
        breaks="P2",
    ),
    row(
        NOT_PROMISED,
        "the marker ends before the body, and the remover dies",
        ours(*TIME, faults.clients_crash),
        at.READ_REMOVE,
        breaks="P2",
    ),
    row(
        NOT_PROMISED,
        "the marker ends before the body, and closing cannot be ended",
        TIRING,
        at.READ_REMOVE,
        breaks="P2",
    ),
    row(
        NOT_PROMISED,
        "FLUSHALL while the body runs, and the remover dies",
        ours(*LONG_MARKERS, faults.clients_crash, faults.flushall),
        at.READ_REMOVE,
        breaks="P2",
    ),
    row(
        NOT_PROMISED,
        "the storage deletes after the hold has ended, or was evicted",
        ours(*TIME, faults.storage_deletes_late),
        at.INTERRUPTED,
        breaks="P2",
    ),
    row(
        NOT_PROMISED,
        "FLUSHALL while a hold lies",
        ours(*LATE, faults.flushall),
        at.INTERRUPTED,
        breaks="P2",
    ),
    row(
        NOT_PROMISED,
        "the body is interrupted, and no hold can be placed; the storage deletes after the marker has ended",
        ours(*LATE, faults.clients_give_up),
        at.INTERRUPTED,
        breaks="P2",
    ),
)
