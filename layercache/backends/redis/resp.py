"""RESP: commands as text, and error replies: what a server says, and what a caller of the library gets.

The codes are those of Redis 6.2 to 8 and of Valkey to 9, and what each becomes:

    code           said when                                          reported as
    READONLY       the server is a replica                            unavailable; the connection is left
    MASTERDOWN     a replica has lost its primary                     unavailable; the connection is left
    LOADING        the server reads its data from disk                unavailable
    BUSY           a script has run for too long                      unavailable
    MISCONF        a snapshot failed, and writes are refused          unavailable
    NOREPLICAS     too few replicas are connected to write            unavailable
    CLUSTERDOWN    a slot, or the cluster, is not served              unavailable
    TRYAGAIN       a slot is on its way to another node               unavailable
    UNBLOCKED      the server became a replica while a command waited unavailable
    INPROG         a failover is under way                            unavailable
    NOGOODSLAVE    a failover finds no replica                        unavailable
    NOMASTERLINK   a replica has no link to its primary               unavailable
    NOQUORUM       too few Sentinels agree                            unavailable
    ERR max number of clients ...                                     unavailable
    WRONGTYPE      a key holds another type                           a corrupt entry
    any other      NOAUTH, WRONGPASS, NOPERM, DENIED, NOPROTO, OOM,   an error
                   MOVED, ASK, CROSSSLOT, REDIRECT, EXECABORT, NOSCRIPT,
                   NOTBUSY, UNKILLABLE, BUSYKEY, IOERR, ERR, ...

What is unavailable ends by itself, or by another server's coming; an error ends
when somebody changes a setting, an access list or the code.

Source: `createSharedObjects` and `processCommand` of server.c, networking.c,
acl.c, cluster.c, replication.c and sentinel.c.
"""

from layercache.errors import BackendError, BackendUnavailableError, CorruptEntryError

# This server is no master (any more): leave it, and find the master again.
LEAVE = frozenset({"READONLY", "MASTERDOWN"})

# The server is there and will answer later, or another one will.
_UNAVAILABLE = LEAVE | {
    "LOADING",
    "BUSY",
    "MISCONF",
    "NOREPLICAS",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "UNBLOCKED",
    "INPROG",
    "NOGOODSLAVE",
    "NOMASTERLINK",
    "NOQUORUM",
}
_FULL = "ERR max number of clients"  # The one such reply without a code of its own.

MOST_TEXT = 500  # characters; a server may send megabytes, and a message is copied into many places


def pack(*words: object) -> str:
    """Return the RESP of one command; for rare ones, the schema formats its own."""
    texts = [str(word) for word in words]
    return f"*{len(texts)}\r\n" + "".join(f"${len(text.encode())}\r\n{text}\r\n" for text in texts)


class ReplyFault(Exception):  # noqa: N818 - a value first
    """An error reply, as the value that the wire hands on; it never leaves the library bare.

    Attributes:
        code: Its first word: `WRONGTYPE`, `NOSCRIPT`, ...
    """

    def __init__(self, text: str) -> None:
        text = text[:MOST_TEXT]
        super().__init__(text)
        self.code: str = text.partition(" ")[0]

    @property
    def is_passing(self) -> bool:
        """Whether the server will answer later, or another one will."""
        return self.code in _UNAVAILABLE or str(self).startswith(_FULL)


def public(fault: ReplyFault, key: str = "") -> BackendError:
    """Return the error that a caller of the library hears of *fault*.

    Args:
        fault: What the wire handed on; it becomes the cause.
        key: The key that was asked for, to be named if it is of a wrong type.

    Source: redis.io, "Redis serialization protocol specification", "Simple
    errors", for the first word; the table at the top has the words.
    """
    if fault.code == "WRONGTYPE":
        error: BackendError = CorruptEntryError(key)
    elif fault.is_passing:
        error = BackendUnavailableError(str(fault))
    else:
        error = BackendError(str(fault))
    error.__cause__ = fault
    return error


def counts_as_answered(error: BaseException | None) -> bool:
    """Whether a PING that was answered so, None for a PONG, was looked at in its turn.

    MISCONF refuses PING along with all writes, and reads go on: the server
    looked at it after all that it had been sent before, and pushed before.
    """
    return error is None or (isinstance(error, ReplyFault) and error.code == "MISCONF")
