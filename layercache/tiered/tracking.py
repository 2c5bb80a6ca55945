"""Tracking: how a near table hears of each change, and for how long it may trust in silence.

Redis itself tells: `CLIENT TRACKING ON` has it remember which keys this
connection read, and push the name of each, once, when anybody changes it. The
push and the replies come on one connection in the order in which they happened,
so what is read from now on is newer than the last push that came.

In the default mode, that is. With BCAST a change is pushed only when the loop of
the server comes around, so a writer can be answered, and a reader see the change
and then the time before it, long before the push leaves. NOLOOP spares the push
of what we wrote, and with it the order of our own replies.

Silence proves nothing: a network that died brings no push either. So trust is
lent, from answered PING to answered PING:

    1  PING is sent, at 10.0 s on our clock
    2  the server executes a change, and pushes it into this connection
    3  the server answers the PING           <- so what came before 10.0 s was pushed before
    4  the answer is read, and all before it

After 3 is read, nothing near is wrong that was changed before 10.0 s, and it may
be served until 10.0 s plus what is tolerated. To count from 4 would be to trust
for as long as the answer lay in a buffer. And an error, -BUSY while a script
runs, is sent out of order, and proves nothing.
"""

import math
from collections.abc import Callable

from layercache.memory.expiry import Clock
from layercache.memory.near import NearTable
from layercache.redis.replies import ReplyFault
from layercache.redis.schema import what_changed
from layercache.redis.wire import Wire, pack
from layercache.tiered.state import EVERYTHING

TRACKING_ON = pack("CLIENT", "TRACKING", "ON")


class Tracking:
    """Follows a link, and keeps a near table true by what it hears.

    Attributes:
        trusted_until: Until when, on the clock, the table may be believed.
        changes: How many the server told of.
        last_change: The key of the last of these, empty if there was none; and when it was heard.
    """

    def __init__(self, table: NearTable, clock: Clock, max_staleness: float) -> None:
        self._table = table
        self._clock = clock
        self._max_staleness = max_staleness
        self.trusted_until: float = -math.inf
        self.changes: int = 0
        self.last_change: tuple[str, float] = "", -math.inf

    @property
    def is_trusted(self) -> bool:
        """Whether the table may be believed now."""
        return self._clock() < self.trusted_until

    # ---- what a link tells its follower

    async def welcome(self, wire: Wire) -> None:
        """Have the server track what is read; nobody reads before it does.

        Raises:
            ReplyFault: The server refuses that, to this user perhaps.
        """
        try:
            await wire.call(TRACKING_ON)
        except ReplyFault as fault:
            raise ReplyFault(f"{fault}; a near memory needs CLIENT TRACKING") from fault

    def pushed(self, push: list[object]) -> None:
        """Void what has changed; after FLUSHALL that is everything."""
        kind, keys = push[0], push[1]
        if kind != b"invalidate":
            return
        if not isinstance(keys, list):
            self._table.change_all()
            self._note(EVERYTHING)
            return
        for key in keys:
            self._void(key)

    def _note(self, key: str) -> None:
        self.changes += 1
        self.last_change = key, self._clock()

    def _void(self, key: bytes) -> None:
        repo, dgst = what_changed(key)
        if repo is not None:
            self._table.change_members(repo)
        elif dgst is not None:
            self._table.change_meta(dgst)
        else:
            return  # a lease, which a script of ours has read
        self._note(key.decode(errors="replace"))

    def lost(self) -> None:
        """Believe nothing: the server has forgotten what was read here."""
        self.trusted_until = -math.inf
        self._table.change_all()

    def pinging(self) -> Callable[[], object]:
        """Prepare for the answer to the PING that is sent now."""
        until = self._clock() + self._max_staleness
        return lambda: self._trust(until)

    def _trust(self, until: float) -> None:
        self.trusted_until = until
        self._table.let_end()
