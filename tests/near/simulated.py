"""A cache with near entries before a simulated server, which sends, byte by byte, what a test has it send."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

from hiredis import Reader
from redis.backoff import ConstantBackoff

from layercache import LayerInfoCache, LayerMeta, RedisCache, background
from layercache.backends.redis.near import NearState
from layercache.backends.redis.resp import pack
from layercache.backends.redis.transport.link import Follower, Link
from layercache.testing import ManualClock, new_digest, new_repository
from tests.redis.simulated import Opener

T = TypeVar("T")

CTX = background()
REPO, DGST = new_repository(), new_digest()
SET, HASH = f"repository::{REPO}::blobs", f"blobs::{DGST}"
NOTHING = object()
HEARTBEAT = 120.0  # One PING for each connection, which a test answers or does not.
MAX_STALENESS = 2 * HEARTBEAT  # Less than the age at which entries end anyway.
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


class FollowedLink(Link):
    """A link that shows its follower."""

    follower: Follower

    def follow(self, follower: Follower) -> None:
        """Keep *follower*, too."""
        self.follower = follower
        super().follow(follower)


class NearSetup:
    """A cache, its clock, and the simulated server before which it stands."""

    def __init__(self) -> None:
        self.clock = ManualClock(1000.0)
        self.opener = Opener()
        self.opener.succeed()
        self.link = FollowedLink(self.opener, heartbeat=HEARTBEAT, backoff=ConstantBackoff(0.01))
        self.cache = RedisCache(self.link, near=1_000, max_staleness=MAX_STALENESS, clock=self.clock)

    @property
    def state(self) -> NearState:
        """The state of what is near."""
        state = self.cache.near_state
        assert state is not None
        return state

    async def connect(self, pong: bytes = PONG) -> None:
        """Let the link come up, and answer its PING."""
        attempts = self.opener.attempts
        first = asyncio.ensure_future(self.link.ready()) if not attempts else None
        while self.opener.attempts == attempts or not self.opener.transport.written:  # noqa: ASYNC110 - no events there
            await asyncio.sleep(0)
        self.send(OK)
        await turns()
        assert first is None or first.done()
        self.send(self.probe_replies(), pong)
        await turns()

    async def ping(self, probe_replies: bytes = b"") -> None:
        """Send a PING, as the link does at each heartbeat, and answer it, and the probe if there was one."""
        assert self.link.wire is not None
        answered = self.link.follower.pinging()
        self.link.wire.call_anyway(pack("PING")).add_done_callback(lambda _: answered())
        await turns()
        self.send(probe_replies, PONG)
        await turns()

    def probe_replies(self) -> bytes:
        """What a server that tracks answers to the probe: a reply to each step, and the push of its key."""
        [(_, key)] = [command for command in self.written() if command[0] == b"GET"]
        return OK + NIL + changed(key.decode()) + NIL

    def lose(self) -> None:
        """Lose the connection, this instant."""
        assert self.link.wire is not None
        self.link.wire.leave("it is lost")

    def send(self, *data: bytes) -> None:
        """Let the cache read what the server sends, all at once."""
        self.opener.transport.receive(b"".join(data))

    def written(self) -> list[list[bytes]]:
        """The commands that were sent over the last connection."""
        reader = Reader(notEnoughData=NOTHING)
        for data in self.opener.transport.written:
            reader.feed(data)
        return list(iter(reader.gets, NOTHING))

    async def start(self, question: Coroutine[object, object, T]) -> "asyncio.Task[T]":
        """A task that has sent *question*, and waits for the reply."""
        before = len(self.written())
        task = asyncio.create_task(question)
        await turns()
        assert len(self.written()) > before, "it was answered near"
        return task

    async def answer(
        self, question: Callable[[LayerInfoCache], Coroutine[object, object, T]], reply: bytes
    ) -> T:
        """The answer to *question*; the server, if it is asked, sends *reply*."""
        before = len(self.written())
        task = asyncio.create_task(question(self.cache))
        await turns()
        if len(self.written()) > before:
            self.send(reply)
        return await task

    async def stat(self, version: int) -> int:
        """The version in the answer of the cache; the server, if it is asked, sends *version*."""
        return (await self.answer(lambda cache: cache.stat(CTX, REPO, DGST), version_of(version))).length


async def turns(count: int = 5) -> None:
    """Let the loop turn."""
    for _ in range(count):
        await asyncio.sleep(0)
