"""A relay between a client and a server that misbehaves on request."""

import asyncio
import contextlib
import ssl
from collections.abc import Iterator
from typing import Self

CHUNK = 64 * 1024


class Proxy:
    """Relays from a port of its own to a server's.

    Attributes:
        port: Where it listens.
        delay: Seconds that everything the server sends is kept back.
        piece: Bytes that are handed on at once; the delay comes before each.
        is_refusing: Whether new connections are closed at once.
        accepted: How many connections there were.
    """

    def __init__(self, server_port: int, tls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self.delay = 0.0
        self.piece = CHUNK
        self.is_refusing = False
        self.accepted = 0
        self._server_port = server_port
        self._tls = tls
        self._left: int | None = None
        self._instead = b""
        self._clients: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis{'s' if self._tls else ''}://localhost:{self.port}"

    def cut_after(self, count: int) -> None:
        """Reset the connection after *count* more bytes of the server's, once."""
        self._left = count

    def send_instead(self, data: bytes) -> None:
        """Replace what the server sends next by *data*, once."""
        self._instead = data

    def cut(self) -> None:
        """Reset every connection."""
        for client in self._clients:
            client.transport.abort()

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._serve, "localhost", 0, ssl=self._tls, limit=CHUNK)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()
        self.cut()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._clients.add(client)
        self.accepted += 1
        with contextlib.suppress(OSError):
            await self._relay(reader, client)
        self._clients.discard(client)
        client.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self.is_refusing:
            return
        server_reader, server = await asyncio.open_connection("127.0.0.1", self._server_port)
        answering = asyncio.create_task(self._answer(server_reader, client))
        try:
            while data := await reader.read(CHUNK):
                server.write(data)
                await server.drain()
        finally:
            server.transport.abort()
            await asyncio.wait([answering])

    async def _answer(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                data, self._instead = self._instead or data, b""
                for piece in self._pieces(data):
                    await asyncio.sleep(self.delay)  # This is the fault.
                    if client.is_closing():
                        return
                    client.write(piece)
                    await client.drain()
        client.transport.abort()

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        if self._left is not None and self._left <= len(data):
            data, self._left = data[: self._left], None
            yield data
            raise ConnectionResetError
        if self._left is not None:
            self._left -= len(data)
        for start in range(0, len(data), self.piece):
            yield data[start : start + self.piece]
