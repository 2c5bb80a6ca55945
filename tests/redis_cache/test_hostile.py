"""A server whose replies make no sense: each operation fails with an error of ours."""

import asyncio
from collections.abc import Callable

import hiredis
import pytest

from layercache import BackendError, ReadThroughCache
from layercache.backends.redis.cache import RedisCache
from layercache.backends.redis.transport.link import Link
from layercache.backends.redis.transport.wire import Wire
from layercache.testing import SlowSource
from tests.redis.simulated import SimulatedTransport
from tests.redis_cache.operations import CTX, DIGEST, META, OPERATIONS, REPO

DEEP = b"*1\r\n" * 1_000 + b":1\r\n"
FIELDS = [b"*6\r\n" + 6 * DEEP, b"*6\r\n" + 6 * b"#t\r\n", b"*6\r\n" + 6 * b"*0\r\n"]
NONSENSE = [
    DEEP,
    b",nan\r\n",
    b"%1\r\n:1\r\n:1\r\n",
    b"*0\r\n",
    *FIELDS,
    b"*1\r\n" + DEEP,
    b"(123\r\n",
    b":-7\r\n",
]


class ConstantServer:
    """An opener of simulated transports on which each command gets the same reply."""

    def __init__(self, reply: bytes) -> None:
        self.reply = reply
        self.wires: list[Wire] = []

    async def __call__(self, make_wire: Callable[[], Wire]) -> Wire:
        """Open one."""
        wire = make_wire()
        self.wires.append(wire)
        _Answering(wire, self.reply)
        return wire


class _Answering(SimulatedTransport):
    def __init__(self, wire: Wire, reply: bytes) -> None:
        self.reply = reply
        super().__init__(wire)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Answer all that was asked."""
        reader = hiredis.Reader(notEnoughData=None)
        reader.feed(bytes(data))
        replies = [
            b"+PONG\r\n" if command == [b"PING"] else self.reply for command in iter(reader.gets, None)
        ]
        asyncio.get_running_loop().call_soon(self.receive, b"".join(replies))


ASKED = OPERATIONS | {
    "contains_many": lambda cache: cache.contains_many(CTX, REPO, [DIGEST, "sha256:other"]),
    "stat_many": lambda cache: cache.stat_many(CTX, REPO, [DIGEST, "sha256:other"]),
    "scan": lambda cache: anext(aiter(cache.scan(CTX))),
}


async def ask(operation: str, reply: bytes) -> tuple[object, list[Wire]]:
    """The outcome of *operation* when every reply of a server is *reply*, and the wires to it."""
    server = ConstantServer(reply)
    async with RedisCache(Link(server, heartbeat=60)) as cache:
        outcome = (await asyncio.gather(ASKED[operation](cache), return_exceptions=True))[0]
        return outcome, list(server.wires)


@pytest.mark.parametrize("reply", NONSENSE, ids=lambda reply: repr(reply[:20]))
@pytest.mark.parametrize("operation", ASKED)
async def test_nonsense_is_an_error_of_ours(operation: str, reply: bytes) -> None:
    """Whatever the shape of a reply, no bare exception comes of it."""
    outcome, _ = await ask(operation, reply)
    assert isinstance(outcome, BackendError) or not isinstance(outcome, BaseException)


@pytest.mark.parametrize("operation", ASKED)
async def test_a_deep_reply_ends_the_connection(operation: str) -> None:
    """A thousand arrays in one another are an error that can be read, and the connection is left."""
    outcome, [wire] = await ask(operation, DEEP)
    assert isinstance(outcome, BackendError)
    assert len(str(outcome)) < 500
    assert wire.lost


@pytest.mark.parametrize("reply", NONSENSE, ids=lambda reply: repr(reply[:20]))
async def test_reads_fail_open(reply: bytes) -> None:
    """If the server of the cache sends nonsense, the source answers."""
    source = SlowSource()
    source.put(REPO, DIGEST, META)
    async with ReadThroughCache(RedisCache(Link(ConstantServer(reply), heartbeat=60)), source) as cache:
        assert await cache.stat(CTX, REPO, DIGEST) == META
        assert await cache.stat_many(CTX, REPO, [DIGEST]) == [META]
