"""Wire: one connection to a Redis, from its first byte to its last, shared by many awaits.

A command is text. Those that one turn of the loop calls leave in one join, one
encode, one write. The queue of waiters has one entry per reply that is due: a
future; of a burst of n commands, n - 1 times None and then the future, which
gets the list. So a command costs two comparisons, a future and two appends,
and a reply a pop and a few comparisons.

An abandoned await (a deadline, a cancellation) is a future that is done when
its reply comes, and swallows it. Nothing else has to happen for it, and nothing
of another's is touched.

Replies find their waiters by order alone. So whatever puts the order in doubt
ends the connection: bytes that are no RESP, a reply that nobody waits for, a
listener that raised, a payload that cannot be encoded. (READONLY and MASTERDOWN
end it, too: what says so is no master, and the next one may be.) Not seen is a
payload of more or fewer commands than its caller says.

Limits: one event loop of one process (`loops.py`); RESP3, where pushes have a type.
What a server can make us build is bounded before it is parsed (`bounds.py`).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import cast

from hiredis import PushNotification, Reader

from layercache.backends.redis.resp import LEAVE, ReplyFault
from layercache.backends.redis.transport.bounds import Bounds, OutOfBoundsError
from layercache.context.loops import running_loop, second_loop, sever, tell_of_forks
from layercache.errors import BackendUnavailableError

READ_SIZE = 64 * 1024  # bytes; at most so many are read at once
MAX_PENDING = 10_000  # commands
MAX_BYTES = 16 * 1024 * 1024
_NOTHING = object()


class LinkLost(BackendUnavailableError):  # noqa: N818 - it is told from its base by what may be done now
    """The connection ended while a reply was due.

    The command may have been carried out: one that is idempotent may be sent
    again, another may not.
    """


class Wire(asyncio.BufferedProtocol):
    """The protocol of one connection.

    It is open once it has been handed out, *lost* as soon as it is known to be
    no good, which ends every waiter at once, and *ended* when the socket is
    closed.

    Attributes:
        ended: A future that is done when the socket is closed.
        loop: The event loop that it belongs to.
        lost: Why this connection is no good (any more); empty while it is.
        unasked: An error reply that came before anything was asked; whoever
            refuses a connection says so, and closes it.
    """

    def __init__(
        self,
        *,
        on_push: Callable[[list[object]], object] | None = None,
        on_lost: Callable[["Wire"], object] | None = None,
        max_pending: int = MAX_PENDING,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Make a wire for the running loop's `create_connection`.

        Args:
            on_push: Told of each push, between the replies around it.
            on_lost: Told once, before any waiter hears of it.
            max_pending: Commands that may wait for their replies.
            max_bytes: Bytes that may wait to be written; what is called in the
                turn in which they become too many is still taken.
        """
        loop = running_loop()
        self.ended: asyncio.Future[None] = loop.create_future()
        self.lost: str = ""
        self.unasked: ReplyFault | None = None
        self._on_push = on_push or _ignore
        self._on_lost = on_lost or _ignore
        self._max_pending = max_pending
        self._max_bytes = max_bytes
        self._room = max_pending  # none while too much waits to be written, or once the connection is lost
        self.loop = loop
        self._create_future = partial(asyncio.Future, loop=loop)  # 160 ns; loop.create_future, 220
        self._call_soon = loop.call_soon
        self._bounds = Bounds()
        self._reader = Reader(notEnoughData=_NOTHING, replyError=ReplyFault)
        # Never a bytearray: asyncio's TLS would read into copies of it.
        self._buffer = memoryview(bytearray(READ_SIZE))
        self._waiters: deque[asyncio.Future[object] | None] = deque()
        self._burst: list[object] = []  # the replies so far of the burst at the head
        self._out: list[str] = []

    # ---- out

    def call(self, payload: str, replies: int = 1) -> "asyncio.Future[object]":
        """Send *payload* at the end of this turn of the loop.

        Args:
            payload: RESP; its lengths count bytes of UTF-8.
            replies: How many commands it has, and so replies.

        Returns:
            A future of the reply, or of the list of them if there are several.
            An error reply is its exception, a `ReplyFault`; among several it is
            a value in the list. `LinkLost` if the connection ends first.
            It may be abandoned: cancelled, or made to fail by anybody.

        Raises:
            BackendUnavailableError: Nothing was sent: too much waits already,
                or the connection is lost.
            EventLoopError: Nothing was sent: the connection belongs to another
                event loop than the one that runs.
        """
        waiters, out = self._waiters, self._out
        if len(waiters) + replies > self._room:
            raise BackendUnavailableError(self.lost or "too many commands wait for the server")
        if not out:
            self._begin_turn()
        future: asyncio.Future[object] = self._create_future()
        out.append(payload)
        while replies > 1:
            waiters.append(None)
            replies -= 1
        waiters.append(future)
        return future

    def call_anyway(self, payload: str) -> "asyncio.Future[object]":
        """Send *payload*, one command, though there is no room: a crowd must not end the heartbeats.

        Raises:
            BackendUnavailableError: Nothing was sent: the connection is lost.
        """
        room, self._room = self._room, 0 if self.lost else len(self._waiters) + 1
        try:
            return self.call(payload)
        finally:
            self._room = room

    def _begin_turn(self) -> None:
        """Have what is called from now on leave at the end of this turn of the loop."""
        # Before Python 3.12 it costs 0.2 us to ask for the loop; once in a turn, that is nothing.
        if running_loop() is not self.loop:
            raise second_loop(f"the Redis cache connected to {self._peer}")
        self._call_soon(self._flush)

    def _flush(self) -> None:
        if not self._out:
            return  # lost meanwhile
        text = "".join(self._out)
        self._out = []
        try:
            self._transport.write(text.encode())
        except UnicodeEncodeError as error:  # nothing of this turn was sent, and all of it is waited for
            self.leave(f"a command cannot be encoded: {error}")

    def pause_writing(self) -> None:
        """Take no more commands: max_bytes wait to be written (asyncio's call)."""
        self._room = 0

    def resume_writing(self) -> None:
        """Take commands again (asyncio's call)."""
        if not self.lost:
            self._room = self._max_pending

    # ---- in

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the transport puts what it reads (asyncio's call)."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take *nbytes* out of the buffer (asyncio's call)."""
        data = bytes(self._buffer[:nbytes])
        try:
            self._bounds.check(data)
            self._reader.feed(data)
            if self._deal():
                self._bounds.reply_ended()
        except OutOfBoundsError as error:
            self.leave(str(error))
        except Exception as error:  # noqa: BLE001 - whatever it was, what follows belongs to nobody knows whom
            self.leave(f"the order of replies is lost: {error!r}")

    def _deal(self) -> bool:  # noqa: C901 - a call for a branch would be one for each reply
        """Give each reply that is complete to its waiter; whether there was any, or a push."""
        gets, pop, burst, nothing = self._reader.gets, self._waiters.popleft, self._burst, _NOTHING
        why_leave = ""
        has_ended = False
        while (value := gets()) is not nothing:
            has_ended = True
            kind = type(value)
            if kind is ReplyFault:
                if value.code in LEAVE:
                    why_leave = f"it is no master: {value}"
            elif kind is PushNotification:
                self._on_push(value)
                continue
            try:
                waiter = pop()
            except IndexError:
                self._take_unasked(value)
                return has_ended
            if waiter is None:
                burst.append(value)
                continue
            if burst:
                burst.append(value)
                kind, value = list, burst
                self._burst = burst = []
            try:
                if kind is ReplyFault:
                    waiter.set_exception(value)
                else:
                    waiter.set_result(value)
            except asyncio.InvalidStateError:
                pass  # It was abandoned.
        if why_leave:
            self.leave(why_leave)
        return has_ended

    def _take_unasked(self, value: object) -> None:
        self.unasked = value if isinstance(value, ReplyFault) else None
        self.leave(f"the order of replies is lost: nobody had asked for {value!s:.200}")

    def head(self) -> tuple[object, int]:
        """What the next reply is for: it is the same again if none has come between."""
        waiter = next((waiter for waiter in self._waiters if waiter is not None), None)
        return waiter, len(self._burst)

    # ---- its life

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin (asyncio's call)."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none by type
        self._transport.set_write_buffer_limits(high=self._max_bytes)
        self._peer = transport.get_extra_info("peername")
        tell_of_forks(self)

    def leave(self, why: str) -> None:
        """Give this connection up: it is lost now, for the reason *why*, and ends in a turn or two."""
        if not self.lost:
            try:
                self._lose(why, None)
            finally:
                self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End (asyncio's call)."""
        try:
            if not self.lost:
                self._lose(str(exc or "closed by the server"), exc)
        finally:
            self.ended.set_result(None)

    def forked(self) -> None:
        """Give this copy up without a byte: the parent of this process goes on with the connection."""
        if not self._transport.is_closing():  # Else its descriptor is closed, or another file's by now.
            sever(self._transport.get_extra_info("socket").fileno())
        with suppress(RuntimeError):  # A loop in debug mode misses its thread, which was not forked.
            self.leave("this process was forked from the one that opened it")

    def _lose(self, why: str, cause: Exception | None) -> None:
        self.lost = f"connection to {self._peer} lost: {why}"
        self._room = 0
        self._out.clear()
        try:
            self._on_lost(self)
        finally:
            while self._waiters:
                self._disappoint(self._waiters.popleft(), cause)

    def _disappoint(self, waiter: "asyncio.Future[object] | None", cause: Exception | None) -> None:
        if waiter is not None and not waiter.done():
            error = LinkLost(self.lost)  # one each: a shared one would collect every waiter's traceback
            error.__cause__ = cause
            waiter.set_exception(error)

    def __repr__(self) -> str:
        return f"<Wire {self.lost or 'open'}, {len(self._waiters)} replies due>"


def _ignore(_: object) -> None:
    """Stand in for a listener."""
