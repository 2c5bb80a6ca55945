"""Link: keeps one wire to a server up.

    idle        nobody has asked yet; the first who does starts an attempt
    trying      an attempt after no failure: who asks waits for it
    up          there is a wire
    down        the last attempt failed: who asks is told so at once, while
                further attempts are made behind a growing, jittered pause
    closed

A connection that is lost was up, and the server, restarted perhaps, is mostly
there again: the link is trying. A connection that hangs, or that is lost before
it has lasted a heartbeat, counts as an attempt that failed. Else a server that
accepts and drops, or a replica that says READONLY to each write, would be called
as fast as its callers ask.

A server that hangs (stopped, or behind a dead network) is not told by silence:
a server may have nothing to say. So each heartbeat sends a PING, which makes one
reply due, and looks at the head of the queue; when it is still the head two
heartbeats later, nothing was answered in all that time. Two, because between
two looks the loop itself may have been blocked, and the reply lie there unread.

One keeper makes the attempts, one after the other, each after the last wire's
socket is closed. So there are never two connections to one server.

The keeper is a task like any other, so somebody may cancel it who cancels all
tasks. Then it first lets the brackets end that are open, and the next who asks
starts another.

Limits: one event loop of one process (see `loops.py`). A reply that takes longer
than that, since the server is busy with another client's question or the network
is slow, is given up, too.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Protocol

from redis.backoff import AbstractBackoff, DecorrelatedJitterBackoff

from layercache.backends.redis.open_brackets import OpenBrackets
from layercache.backends.redis.resp import ReplyFault, counts_as_answered, pack, public
from layercache.backends.redis.transport.wire import MAX_BYTES, MAX_PENDING, Wire
from layercache.context.loops import LoopBinding
from layercache.errors import BackendError, BackendUnavailableError, InvalidArgumentError

PING = pack("PING")
PATIENCE = 2  # heartbeats
MOST_FAILURES = 1_000  # as a backoff is told them: redis-py's raise two to that power, and overflow later

# Opens a connection with the wire that the argument makes, greets the server, and returns the wire.
Opener = Callable[[Callable[[], Wire]], Awaitable[Wire]]


class Follower(Protocol):
    """Who keeps copies of what a link reads, and so has to hear of all that ends their truth."""

    async def welcome(self, wire: Wire) -> None:
        """Prepare *wire* before anybody else has it; an error makes the attempt fail."""

    def pushed(self, push: list[object]) -> None:
        """Take *push*, in its place between the replies."""

    def lost(self) -> None:
        """The wire is lost; nobody who waits for a reply has heard of that yet."""

    def pinging(self) -> Callable[[], object]:
        """A PING is about to be sent; what is returned is called when it was, see `counts_as_answered`."""


class Link:
    """One connection to a server, for as long as there is a server.

    Attributes:
        wire: The wire; None while there is none.
        heartbeat: Seconds between two PINGs.
        brackets: What is to be ended before the connection is closed.
    """

    def __init__(  # noqa: PLR0913 - all but the first are named, and have a default
        self,
        opener: Opener,
        *,
        on_push: Callable[[list[object]], object] | None = None,
        on_state: Callable[[bool], object] | None = None,
        max_pending: int = MAX_PENDING,
        max_bytes: int = MAX_BYTES,
        heartbeat: float = 0.5,
        backoff: AbstractBackoff | None = None,
    ) -> None:
        """Make a link; it connects when it is first asked to be ready.

        Args:
            opener: Makes one attempt; it must end, however it ends.
            on_push: Told of each push, in its place between the replies. If it
                raises, the connection is lost.
            on_state: Told True when a wire is up, and False when it is lost,
                before anybody who waited for a reply on it hears of that. If it
                raises, that counts as an attempt that failed.
            max_pending: Commands that may wait for their replies.
            max_bytes: Bytes that may wait to be written.
            heartbeat: Seconds between two PINGs. A server is given up that has
                answered nothing for two to three of them.
            backoff: How long to pause after so many failures; by default from
                50 ms up to 5 s, with decorrelated jitter.
        """
        self.wire: Wire | None = None
        self.brackets: OpenBrackets = OpenBrackets()
        self._opener = opener
        self._on_push = on_push
        self._on_state = on_state
        self._follower: Follower | None = None
        self._max_pending = max_pending
        self._max_bytes = max_bytes
        self.heartbeat: float = heartbeat
        self._backoff = backoff or DecorrelatedJitterBackoff(cap=5.0, base=0.05)
        self._binding = LoopBinding(f"the Redis cache of {opener!r}")
        self._is_closed = False
        self._keeper: asyncio.Task[None] | None = None
        self._decided = asyncio.Event()  # set unless the link is idle or trying
        self._failure: Exception | None = None
        self._failures = 0

    def follow(self, follower: Follower) -> None:
        """Have *follower* hear of all from the first connection on; pushes are then for it alone.

        Raises:
            InvalidArgumentError: Somebody follows already, or the link was already asked to be ready.
        """
        if self._follower is not None or self._keeper is not None:
            raise InvalidArgumentError(f"too late, or a second one, to follow {self!r}")
        self._follower = follower
        self._on_push = follower.pushed

    async def ready(self) -> Wire:
        """Return the wire, once the attempt that is under way has succeeded.

        Raises:
            BackendUnavailableError: The last attempt failed, or the link is closed.
            BackendError: The server refused the last attempt, by its credentials perhaps.
            EventLoopError: The link was first used in another event loop, or before this process was forked.
        """
        while self.wire is None:
            self._binding.require()
            self._keep_up()
            if self._failure is not None:
                raise _told(self._failure)
            await self._decided.wait()
        return self.wire

    def _keep_up(self) -> None:
        """See that there is a keeper; one that was cancelled from outside has an heir."""
        if self._is_closed or not (self._keeper is None or self._keeper.done()):
            return
        if self._failure is None:
            self._decided.clear()
        self._keeper = asyncio.create_task(self._keep())
        self._keeper.add_done_callback(lambda _: self._decided.set())

    async def aclose(self) -> None:
        """Close the connection; whoever waits for a reply, or for a wire, gets an error.

        First the brackets that are open have some seconds to end.

        Raises:
            EventLoopError: The connection is for another event loop to close, which is not closed.
        """
        if not self._binding.is_gone and self._keeper is not None:
            self._binding.require()
            await self.brackets.ended()
        self._is_closed = True
        self._failure = BackendUnavailableError("the link is closed")
        self._decided.set()
        if not self._binding.is_gone and self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])

    def __repr__(self) -> str:
        return f"<Link {self._state()}>"

    def _state(self) -> str:
        if self.wire is not None:
            return "up"
        if self._failure is not None:
            return f"down: {self._failure}"
        return "idle" if self._keeper is None else "trying"

    # ---- the keeper

    async def _keep(self) -> None:
        while not self._binding.is_gone:
            failure = await self._attempt()
            if failure is not None:
                self._failures = min(self._failures + 1, MOST_FAILURES)
                self._failure = failure
                self._decided.set()
                await asyncio.sleep(self._backoff.compute(self._failures))

    async def _attempt(self) -> Exception | None:
        """Make an attempt and keep what it brought; return why it counts as one that failed."""
        try:
            return await self._live()
        except Exception as error:  # noqa: BLE001 - whatever it was, callers must hear of it and the keeper go on
            return error.with_traceback(None)

    async def _live(self) -> Exception | None:
        wire = await self._opener(self._new_wire)
        try:
            await self._welcome(wire)
            self._rise(wire)
            return await self._watch(wire)
        except asyncio.CancelledError:
            if not self._is_closed:
                await self.brackets.ended()
            raise
        finally:
            wire.leave("the link is closed")
            await asyncio.wait([wire.ended])

    async def _welcome(self, wire: Wire) -> None:
        if self._follower is None:
            return
        try:
            async with asyncio.timeout(PATIENCE * self.heartbeat):
                await self._follower.welcome(wire)
        except TimeoutError:
            raise BackendUnavailableError(f"no reply for {PATIENCE * self.heartbeat} s") from None

    def _new_wire(self) -> Wire:
        self._binding.require()  # An attempt that was under way goes on in a child that was forked meanwhile.
        return Wire(
            on_push=self._on_push,
            on_lost=self._fall,
            max_pending=self._max_pending,
            max_bytes=self._max_bytes,
        )

    def _rise(self, wire: Wire) -> None:
        if not wire.lost:
            self.wire = wire
            self._failure = None
            self._decided.set()
            self._tell(is_up=True)

    def _fall(self, wire: Wire) -> None:
        if self.wire is wire:
            self.wire = None
            self._decided.clear()
            self._tell(is_up=False)

    def _tell(self, *, is_up: bool) -> None:
        if self._follower is not None and not is_up:
            self._follower.lost()
        if self._on_state is not None:
            self._on_state(is_up)

    async def _watch(self, wire: Wire) -> Exception | None:
        """Return when *wire* is lost: None if it had lasted and did not hang."""
        head: object = None
        looks = 0  # at this head
        has_lasted = False
        while True:
            with contextlib.suppress(BackendUnavailableError):  # It is lost, which is seen below.
                self._ping(wire)
            looks = looks + 1 if wire.head() == head else 1
            head = wire.head()
            if looks > PATIENCE:
                wire.leave(f"no reply for {PATIENCE * self.heartbeat} s")
                return BackendUnavailableError(wire.lost)
            await asyncio.wait([wire.ended], timeout=self.heartbeat)
            if wire.lost:
                return None if has_lasted else BackendUnavailableError(wire.lost)
            if not has_lasted:
                has_lasted = True
                self._failures = 0
                self._backoff.reset()  # type: ignore[no-untyped-call]

    def _ping(self, wire: Wire) -> None:
        if self._follower is None:
            wire.call_anyway(PING).cancel()  # nobody waits for it
            return
        answered = self._follower.pinging()

        def look(pong: "asyncio.Future[object]") -> None:
            if counts_as_answered(pong.exception()) and self.wire is wire:
                answered()

        wire.call_anyway(PING).add_done_callback(look)


def _told(failure: Exception) -> BackendError:
    """Each who asks is told by an exception of its own."""
    if isinstance(failure, ReplyFault):
        return public(failure)
    error = BackendUnavailableError(str(failure) or repr(failure))
    error.__cause__ = failure
    return error
