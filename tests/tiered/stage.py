"""A tiered cache before a server that says, byte by byte, what a test has it say."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

from hiredis import Reader
from redis.backoff import ConstantBackoff

from layercache import LayerInfoCache, LayerMeta, MemoryCache, RedisCache, TieredCache, background
from layercache.backends.redis.transport.link import Link
from layercache.testing import ManualClock, new_digest, new_repository
from tests.redis.tape import Opener

T = TypeVar("T")

CTX = background()
REPO, DGST = new_repository(), new_digest()
SET, HASH = f"repository::{REPO}::blobs", f"blobs::{DGST}"
NOTHING = object()
HEARTBEAT = 3600.0  # One PING for each connection, which a test answers or does not.
MAX_STALENESS = 2 * HEARTBEAT
NIL, OK, PONG, BUSY = b"_\r\n", b"+OK\r\n", b"+PONG\r\n", b"-BUSY a script runs\r\n"
FLUSHED = b">2\r\n$10\r\ninvalidate\r\n_\r\n"


def bulk(*texts: str) -> bytes:
    """*texts* as an array of strings."""
    return b"*%d\r\n" % len(texts) + b"".join(b"$%d\r\n%s\r\n" % (len(text), text.encode()) for text in texts)


def changed(*keys: str) -> bytes:
    """The push of a change of *keys*."""
    return b">2\r\n$10\r\ninvalidate\r\n" + bulk(*keys)


def meta(version: int) -> LayerMeta:
    """Where the layer lies in a version of it."""
    return LayerMeta(f"/version/{version}", version)


def fields_of(version: int) -> bytes:
    """The reply to a `meta` in a version of the layer."""
    path, length, media_type = meta(version)
    return bulk(path, str(length), DGST, str(length), media_type, "layercache")


def version_of(version: int) -> bytes:
    """The replies to a `stat` in a version of the layer."""
    return fields_of(version) + b":1\r\n"


class Stage:
    """The cache, its clock, and the part of the server."""

    def __init__(self) -> None:
        self.clock = ManualClock(1000.0)
        self.opener = Opener()
        self.opener.succeed()
        self.link = Link(self.opener, heartbeat=HEARTBEAT, backoff=ConstantBackoff(0.01))
        near = MemoryCache(clock=self.clock)
        self.cache = TieredCache(near, RedisCache(self.link), max_staleness=MAX_STALENESS)

    async def connect(self, pong: bytes = PONG) -> None:
        """Let the link come up, and answer its PING."""
        attempts = self.opener.attempts
        first = asyncio.ensure_future(self.link.ready()) if not attempts else None
        while self.opener.attempts == attempts or not self.opener.tape.written:  # noqa: ASYNC110 - no events there
            await asyncio.sleep(0)
        self.say(OK)
        await turns()
        assert first is None or first.done()
        self.say(self.probed(), pong)
        await turns()

    def probed(self) -> bytes:
        """What a server that tracks says to the probe: to each step, and of the change of the key."""
        [(_, key)] = [command for command in self.written() if command[0] == b"GET"]
        return OK + NIL + changed(key.decode()) + NIL

    def lose(self) -> None:
        """Lose the connection, this instant."""
        assert self.link.wire is not None
        self.link.wire.leave("it is lost")

    def say(self, *said: bytes) -> None:
        """Let the cache read what the server says, all at once."""
        self.opener.tape.say(b"".join(said))

    def written(self) -> list[list[bytes]]:
        """The commands that were sent over the last connection."""
        reader = Reader(notEnoughData=NOTHING)
        for data in self.opener.tape.written:
            reader.feed(data)
        return list(iter(reader.gets, NOTHING))

    async def asking(self, question: Coroutine[object, object, T]) -> "asyncio.Task[T]":
        """A task that has sent *question*, and waits for the reply."""
        before = len(self.written())
        task = asyncio.create_task(question)
        await turns()
        assert len(self.written()) > before, "it was answered near"
        return task

    async def as_oci_error(
        self, question: Callable[[LayerInfoCache], Coroutine[object, object, T]], reply: bytes
    ) -> T:
        """The answer to *question*; the server, if it is asked, says *reply*."""
        before = len(self.written())
        task = asyncio.create_task(question(self.cache))
        await turns()
        if len(self.written()) > before:
            self.say(reply)
        return await task

    async def stat(self, version: int) -> int:
        """The version that the cache tells of, if the server, if it is asked, says *version*."""
        return (
            await self.as_oci_error(lambda cache: cache.stat(CTX, REPO, DGST), version_of(version))
        ).length


async def turns(count: int = 5) -> None:
    """Let the loop turn."""
    for _ in range(count):
        await asyncio.sleep(0)
