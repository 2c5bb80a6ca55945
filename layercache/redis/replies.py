"""Error replies: what a server says, and what a caller of the library hears."""

from layercache.errors import BackendError, BackendUnavailableError, CorruptEntryError

# This server is no master (any more): leave it, and find the master again.
LEAVE = frozenset({"READONLY", "MASTERDOWN"})

# The server is there and will answer later, or another one will.
_UNAVAILABLE = LEAVE | {"LOADING", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "NOREPLICAS"}

MOST_TEXT = 500  # characters; a server may send megabytes, and a message is copied into many places


class ReplyFault(Exception):  # noqa: N818 - a value first
    """An error reply, as the value that the wire hands on; it never leaves the library bare.

    Attributes:
        code: Its first word: `WRONGTYPE`, `NOSCRIPT`, ...
    """

    def __init__(self, text: str) -> None:
        text = text[:MOST_TEXT]
        super().__init__(text)
        self.code: str = text.partition(" ")[0]


def public(fault: ReplyFault, key: str = "") -> BackendError:
    """Return the error that a caller of the library hears of *fault*.

    Args:
        fault: What the wire handed on; it becomes the cause.
        key: The key that was asked for, to be named if it is of a wrong type.

    Source: redis.io, "Redis serialization protocol specification", "Simple
    errors", for the first word; the words themselves are those of `server.c`.
    """
    if fault.code == "WRONGTYPE":
        error: BackendError = CorruptEntryError(key)
    elif fault.code in _UNAVAILABLE:
        error = BackendUnavailableError(str(fault))
    else:
        error = BackendError(str(fault))
    error.__cause__ = fault
    return error
