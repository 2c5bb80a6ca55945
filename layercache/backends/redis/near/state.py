"""How it is with what is near: for a status page, or for metrics."""

from typing import NamedTuple

EVERYTHING = "*"


class NearState(NamedTuple):
    """What is near, at one moment; the counts begin with its making, and only rise.

    Attributes:
        is_trusted: Whether what is near is served. It is not while the server
            is silent or away, and not before it was first asked something.
        entries: Entries that are taken near; what is void keeps its entry until
            another needs it.
        far: Questions that Redis answered; a bulk form counts each
            layer. All others were answered near, or by an error.
        changes: Sets and hashes of which the server told that they had changed,
            our own writes among them. All at once, by FLUSHALL, count as one.
        last_change: The key of the last of these; `*` for all at once, empty
            if there was none yet.
        last_change_age: How many seconds ago that was heard; infinity if never.
        why_off: Why near is off for the whole of this connection, or until that
            passes: the server refuses to track, or no invalidation was seen
            that had to come. Empty while there is no such reason.
    """

    is_trusted: bool
    entries: int
    far: int
    changes: int
    last_change: str
    last_change_age: float
    why_off: str = ""
