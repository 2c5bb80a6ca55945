"""Travel: how old an answer from near may be. Pure.

A near tier hears of a change by what Redis pushes into the one connection on
which it asks, too. So there is a bound without a guess at how long a push takes,
on a machine that is busy or behind a network that is slow: each worker sends, all
the time, a question on that connection which only Redis can answer, its *witness*.

    1  Q's change is executed: its push is in P's stream
    2  Q is told: the change is acknowledged
    3  P sends a witness
    4  Redis answers it: the answer is in P's stream, behind the push
    5  P is given that answer                 <- and has heard of the change

An answer that is asked for after 5 has to know of all that was acknowledged
before 3: it is as old as the last round trip that was completed, at most. While
the connection brings nothing, no witness comes back, and then the other bound
counts: what is near is trusted for `max_staleness` and not longer.

Only a yes may come from near; and who asks past the cache (`confirm`), or a cache
without a near tier, is told what is true now.
"""

import bisect
from collections import defaultdict

from tests.coherence.history import Kind, Operation, Outcome

STRICT = frozenset({Kind.CONFIRM, Kind.AUDIT})


class Travel:
    """Is told of witnesses, those of each worker in their order."""

    def __init__(self, max_staleness: int) -> None:
        """Allow for *max_staleness* nanoseconds; 0: there is no near tier."""
        self._max_staleness = max_staleness
        self._sent: defaultdict[str, list[int]] = defaultdict(list)
        self._answered: defaultdict[str, list[int]] = defaultdict(list)

    def note(self, witness: Operation) -> None:
        """Take one that was answered."""
        self._sent[witness.worker].append(witness.begin)
        self._answered[witness.worker].append(witness.end)

    def since(self, answer: Operation) -> int:
        """What was acknowledged by then has to be known to *answer*."""
        if answer.kind in STRICT or answer.outcome != Outcome.YES or not self._max_staleness:
            return answer.begin
        past = bisect.bisect_right(self._answered[answer.worker], answer.begin)
        heard = self._sent[answer.worker][past - 1] if past else 0
        return max(heard, answer.begin - self._max_staleness)
