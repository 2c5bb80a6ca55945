"""Where the searches of the far tier begin."""

from tests.coherence.model.far.model import Scenario

# One that says yes, and one that makes it a no.
READ_REMOVE = Scenario("read r0 | remove r0")
READ_SWEEP = Scenario("read r0 | sweep")
CONFIRM_REMOVE = Scenario("confirm r0 | remove r0", known=True)
PUSH_REMOVE = Scenario("add r0 | remove r0", links=())
PUSH_AGAIN_REMOVE = Scenario("add r0 | remove r0", known=True)
PAIRS = (READ_REMOVE, READ_SWEEP, CONFIRM_REMOVE, PUSH_REMOVE, PUSH_AGAIN_REMOVE)

# Reads of several steps.
STAT = Scenario("stat r0 | sweep, remove r0 | add r1", known=True, repositories=2)
FLIGHT = Scenario("fly r0 | join r0 | remove r0")
MEMBER = Scenario("contains r0 | sweep", known=True)

# A third who interferes.
REPORT = Scenario("remove r0 | read r0 | report missing r0")
LOCATE = Scenario("locate | sweep | add r0")
TWO_READERS = Scenario("read r0 | read r0 | remove r0")
TWO_REMOVERS = Scenario("read r0 | remove r0 | remove r0")
REMOVERS_AND_PUSH = Scenario("remove r0 | remove r0 | add r0", known=True)
PUSHED_MEANWHILE = Scenario("read r0 | remove r0 | add r0")
REMOVED_TWICE = Scenario("read r0 | remove r0, add r0, remove r0")
CONFIRM_SWEEP_PUSH = Scenario("confirm r0 | sweep | add r0", known=True)
PUSH_ELSEWHERE = Scenario("add r1 | sweep | read r0", known=True, repositories=2)
MOUNT = Scenario("mount r1 from r0 | sweep | remove r1", known=True, repositories=2)
THIRDS = (
    REPORT,
    LOCATE,
    TWO_READERS,
    PUSHED_MEANWHILE,
    REMOVED_TWICE,
    CONFIRM_SWEEP_PUSH,
    PUSH_ELSEWHERE,
    MOUNT,
    STAT,
    FLIGHT,
)

# A deletion whose body is interrupted, and others beside it and after it.
INTERRUPTED = Scenario("interrupt r0 | read r0")
INTERRUPTED_KNOWN = Scenario("interrupt r0 | confirm r0", known=True)
INTERRUPTED_SWEEP = Scenario("interrupt | read r0")
RETRIED = Scenario("interrupt r0, remove r0, add r0 | read r0")
RETRIED_BY_ANOTHER = Scenario("interrupt r0 | remove r0, add r0")
RECONCILED = Scenario("interrupt r0 | reconcile r0 | read r0")
REPORTED = Scenario("interrupt r0 | report missing r0 | read r0")
INTERRUPTED_TWICE = Scenario("interrupt r0, interrupt r0 | read r0")
BOTH_INTERRUPTED = Scenario("interrupt r0 | interrupt r0 | read r0")
PUSHED_AFTER = Scenario("interrupt r0 | add r0", links=())
INTERRUPTIONS = (
    INTERRUPTED,
    INTERRUPTED_KNOWN,
    INTERRUPTED_SWEEP,
    RETRIED,
    RETRIED_BY_ANOTHER,
    RECONCILED,
    REPORTED,
    INTERRUPTED_TWICE,
    BOTH_INTERRUPTED,
    PUSHED_AFTER,
)

PUSH_ALONE = Scenario("add r0", links=())
