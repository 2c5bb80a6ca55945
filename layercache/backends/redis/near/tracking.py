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

That a server said OK to CLIENT TRACKING proves nothing either: a proxy may say
it and keep the pushes, or have none. So each connection begins with a probe,
which has to be seen to work before anything near is believed:

    1  CLIENT TRACKING ON, and GET of a key that only this cache knows
    2  a script writes it, and deletes it
    3  PING
    4  the push of that key has come before the answer to 3, or pushes do not come

The key has the form of a lease, so whoever may use the cache may do this. Where
the server does not track, or the key cannot be written, since the server is a
replica or its disk is full, nothing is proven: near is off, questions go to Redis,
and the probe is repeated with each heartbeat.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from secrets import token_hex

from layercache.backends.memory.expiry import Clock
from layercache.backends.redis.near.state import EVERYTHING
from layercache.backends.redis.near.table import NearTable
from layercache.backends.redis.resp import ReplyFault, pack
from layercache.backends.redis.schema import meta_lease_key, what_changed
from layercache.backends.redis.transport.wire import Wire

TRACKING_ON = pack("CLIENT", "TRACKING", "ON")

# A server that is full lets a script write that has written before; DEL counts, though there is nothing.
PROBE = """
local done = redis.pcall('DEL', KEYS[1])
if type(done) == 'table' then return done.err end
done = redis.pcall('SET', KEYS[1], '', 'PX', 1000)
redis.pcall('DEL', KEYS[1])
return done.err
"""

_log = logging.getLogger(__name__)


class Tracking:
    """Follows a link, and keeps a near table true by what it hears.

    Attributes:
        changes: How many the server told of.
        last_change: The key of the last of these, empty if there was none; and when it was heard.
        why_off: Why no invalidation can be expected here; empty unless that was found out.
    """

    def __init__(self, table: NearTable, clock: Clock, max_staleness: float) -> None:
        self._table = table
        self._clock = clock
        self._max_staleness = max_staleness
        self.changes: int = 0
        self.last_change: tuple[str, float] = "", -math.inf
        self.why_off: str = ""
        self._probed = meta_lease_key(f"near-{token_hex(16)}")
        self._wire: Wire | None = None
        self._is_proven = False  # that pushes come on this wire
        self._refusals: list[str] = []  # of the steps of the last probe

    # ---- what a link tells its follower

    async def welcome(self, wire: Wire) -> None:
        """Have the server track what is read; nobody reads before it does. Why it refuses, the probe tells.

        Raises:
            ReplyFault: The server is not ready.
        """
        self._wire = wire
        try:
            await wire.call(TRACKING_ON)
        except ReplyFault as fault:
            if fault.is_passing:
                raise

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
            if key == self._probed.encode():
                self._turn_on()
            return  # else a lease, which a script of ours has read
        self._note(key.decode(errors="replace"))

    def lost(self) -> None:
        """Believe nothing: the server has forgotten what was read here."""
        self._table.trusted_until = -math.inf
        self._is_proven = False
        self._table.change_all()

    def pinging(self) -> Callable[[], object]:
        """Prepare for the answer to the PING that is sent now; before it, probe if nothing is proven yet."""
        until = self._clock() + self._max_staleness
        if self._wire is not None and not self._is_proven:
            self._probe(self._wire)
        return lambda: self._answered(until)

    def _probe(self, wire: Wire) -> None:
        self._refusals.clear()
        commands = TRACKING_ON, pack("GET", self._probed), pack("EVAL", PROBE, 1, self._probed)
        for command in commands:
            wire.call_anyway(command).add_done_callback(self._hear)

    def _hear(self, step: "asyncio.Future[object]") -> None:
        refusal = step.exception() or step.result()
        if isinstance(refusal, bytes) and refusal != b"OK":  # an error that the script has caught
            self._refusals.append(refusal.decode(errors="replace"))
        elif isinstance(refusal, ReplyFault):
            self._refusals.append(str(refusal))

    def _answered(self, until: float) -> None:
        if self._is_proven:
            self._table.trusted_until = until
            self._table.end_aged()
        else:
            why = "; ".join(self._refusals) or "is there a proxy that keeps what Redis pushes?"
            self._turn_off(f"near needs CLIENT TRACKING, and of a change of its own nothing was heard: {why}")

    # ---- whether pushes come at all

    def _turn_on(self) -> None:
        self._is_proven = True
        if self.why_off:
            self.why_off = ""
            self._table.change_all()  # What was read meanwhile may have changed unheard.
            _log.info("near is on: an invalidation was seen")

    def _turn_off(self, why: str) -> None:
        if self.why_off != why:
            self.why_off = why
            _log.warning("near is off, all questions go to Redis: %s", why)
