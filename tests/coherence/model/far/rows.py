"""The rows of the table about the far tier.

P1  No stale yes: what the cache says is so, or the deletion that ended it has
    begun and is not acknowledged yet. A read of several steps says what was so
    at one of its instants.
P2  No lie at rest: when everything has ended, or died, what the cache says is so.
    That counts deletions, too, that were never acknowledged.
P4  No lost push: a push that has ended was committed, or refused by the storage.
P5  No barren ground: when everything has ended, what is so can be cached again.

Ours keeps P1, P4 and P5 under every fault there is here but one: old data that
come back. P2 asks for more. It is about deletions that failed or whose client
died after the storage had deleted, and it is kept if the closing marker lay
beside the half as long as the body ran: if it did not end early, was not
evicted or flushed, and no second removal of the same half put its own in its place.
Of a deletion whose body was interrupted it is kept if the hold lay beside the half
until the storage had deleted; what a second removal places does not take that away.
"""

from tests.coherence.model.far.broken import BEYOND, BROKEN
from tests.coherence.model.far.kept import ALSO, KEPT, WIDE

FAR = (*KEPT, *WIDE, *ALSO, *BROKEN, *BEYOND)
