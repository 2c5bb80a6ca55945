"""A transport that records what a wire writes, and hands it what a server might have sent."""

import asyncio
from collections.abc import Callable

from layercache.backends.redis.transport.wire import Wire


class SimulatedTransport(asyncio.Transport):
    """The seam at bytes: no socket, no server.

    Attributes:
        written: Each write, in order.
        high: How many bytes may wait to be written, as the wire set it.
    """

    def __init__(self, wire: Wire) -> None:
        super().__init__({"peername": "server"})
        self.written: list[bytes] = []
        self.high: int | None = None
        self._wire = wire
        self._is_closed = False
        wire.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Record *data*."""
        self.written.append(bytes(data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Note *high*; the test decides when to pause."""
        self.high = high

    def abort(self) -> None:
        """Close, in the next turn of the loop, as every transport does."""
        self.end(None)

    def end(self, error: Exception | None) -> None:
        """Close because the server did, or because of *error*."""
        if not self._is_closed:
            self._is_closed = True
            asyncio.get_running_loop().call_soon(self._wire.connection_lost, error)

    def receive(self, data: bytes) -> None:
        """Let the wire read *data*, as much at once as it has room for."""
        while data:
            buffer = self._wire.get_buffer(-1)
            size = min(len(buffer), len(data))
            buffer[:size] = data[:size]
            self._wire.buffer_updated(size)
            data = data[size:]


class Opener:
    """Makes wires on simulated transports, when and how the test wants it.

    Attributes:
        attempts: How many there were.
        transport: The last one.
    """

    def __init__(self) -> None:
        self.attempts = 0
        self.outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: SimulatedTransport

    async def __call__(self, make_wire: Callable[[], Wire]) -> Wire:
        self.attempts += 1
        await asyncio.shield(self.outcome)
        wire = make_wire()
        self.transport = SimulatedTransport(wire)
        return wire

    def succeed(self) -> None:
        """Let the attempts from now on succeed."""
        self._end().set_result(None)

    def fail(self, error: Exception) -> None:
        """Let the attempts from now on fail."""
        self._end().set_exception(error)

    def _end(self) -> "asyncio.Future[None]":
        if self.outcome.done():
            self.outcome = asyncio.get_running_loop().create_future()
        return self.outcome
