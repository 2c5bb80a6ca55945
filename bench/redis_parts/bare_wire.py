"""The floor: what asyncio, hiredis and Redis cost by themselves."""

import asyncio
from collections import deque
from collections.abc import Sequence
from urllib.parse import urlsplit

import hiredis

from bench.redis_parts.layers import Layer, member_key, meta_key

Found = tuple[str, int]


class BareWire:
    """The floor: a future per command, packed by hiredis, one write per turn of the loop; no guards."""

    is_pinned = True

    async def open(self, url: str, layers: Sequence[Layer]) -> None:
        self.loop = asyncio.get_running_loop()
        self.protocol = _BareProtocol(hiredis.Reader(notEnoughData=_NOTHING))
        await self.loop.create_connection(lambda: self.protocol, *address(url))
        self.out: list[bytes] = []

    def call(self, *words: str) -> "asyncio.Future[object]":
        future: asyncio.Future[object] = self.loop.create_future()
        if not self.out:
            self.loop.call_soon(self.flush)
        self.out.append(hiredis.pack_command(words))  # type: ignore[arg-type]  # its stub knows one word
        self.protocol.waiters.append(future)
        return future

    def flush(self) -> None:
        out, self.out = self.out, []
        self.protocol.transport.write(b"".join(out))

    async def meta(self, dgst: str) -> Found:
        return found_in(await self.call("HMGET", meta_key(dgst), "path", "length"))

    async def stat(self, repo: str, dgst: str) -> Found:
        member = self.call("SISMEMBER", member_key(repo), dgst)
        found = found_in(await self.call("HMGET", meta_key(dgst), "path", "length"))
        assert member.result() == 1
        return found

    async def close(self) -> None:
        self.protocol.transport.close()


_NOTHING = object()


class _BareProtocol(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, reader: hiredis.Reader) -> None:
        self.reader = reader
        self.waiters: deque[asyncio.Future[object]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.reader.feed(data)
        gets, pop = self.reader.gets, self.waiters.popleft
        while (value := gets()) is not _NOTHING:
            pop().set_result(value)


def address(url: str) -> tuple[str, int]:
    """The host and the port of *url*."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def found_in(values: object) -> Found:
    """The path and the length in the reply to an HMGET."""
    assert isinstance(values, (list, tuple))
    path, length = values
    return path.decode(), int(length)
