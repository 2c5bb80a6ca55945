"""The follower of a link is notified of all that makes void what was read over it."""

import asyncio
from collections.abc import Callable

import pytest
from redis.backoff import ConstantBackoff

from layercache.backends.redis.resp import pack
from layercache.backends.redis.transport.link import PING, Link
from layercache.backends.redis.transport.wire import Wire
from layercache.errors import BackendError, BackendUnavailableError, InvalidArgumentError
from tests.redis.conftest import MakeLink
from tests.redis.simulated import Opener

HEARTBEAT = 0.02
NEVER = ConstantBackoff(3600)
HELLO = pack("HELLO")
PONG = b"+PONG\r\n"


class Log:
    """A follower that records its calls, and sends HELLO as its welcome."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    async def welcome(self, wire: Wire) -> None:
        self.wire = wire
        self.calls.append(await wire.call(HELLO))

    def pushed(self, push: list[object]) -> None:
        self.calls.append(list(push))

    def lost(self) -> None:
        self.calls.append("lost")

    def pinging(self) -> Callable[[], object]:
        self.calls.append("pinging")
        return lambda: self.calls.append("answered")


def followed(make_link: MakeLink, opener: Opener, **options: object) -> tuple[Link, Log]:
    """A link that a log follows."""
    log = Log()
    link = make_link(opener, heartbeat=HEARTBEAT, **options)
    link.follow(log)
    opener.succeed()
    return link, log


async def written(opener: Opener, *commands: str) -> None:
    """Return when just *commands* were written."""
    expected = [text.encode() for text in commands]
    while not hasattr(opener, "transport") or opener.transport.written != expected:  # noqa: ASYNC110 - a simulated transport has no events
        await asyncio.sleep(0)


async def turns(count: int = 5) -> None:
    """Let the loop turn."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_wire_is_welcomed_before_anybody_has_it(make_link: MakeLink) -> None:
    """No caller gets a wire, and no PING is sent on it, before its welcome was answered."""
    opener = Opener()
    link, log = followed(make_link, opener)
    ready = asyncio.ensure_future(link.ready())
    await written(opener, HELLO)
    await turns()
    assert link.wire is None
    assert not ready.done()
    opener.transport.receive(b"+OK\r\n")
    await ready
    await written(opener, HELLO, PING)
    assert log.calls == [b"OK", "pinging"]


async def test_a_welcome_that_is_refused_fails_the_attempt(make_link: MakeLink) -> None:
    """Callers get the error that answered the welcome, and the connection is closed."""
    opener = Opener()
    link, log = followed(make_link, opener, backoff=NEVER)
    ready = asyncio.ensure_future(link.ready())
    await written(opener, HELLO)
    opener.transport.receive(b"-NOPERM no permission\r\n")
    with pytest.raises(BackendError, match="NOPERM no permission"):
        await ready
    await log.wire.ended
    assert log.wire.lost


async def test_a_welcome_that_is_not_answered_fails_the_attempt(make_link: MakeLink) -> None:
    """A server that hangs during the welcome is given up as one that hangs later."""
    link, log = followed(make_link, Opener(), backoff=NEVER)
    with pytest.raises(BackendUnavailableError, match=r"no reply for 0\.04 s"):
        await link.ready()
    assert log.calls == []


async def test_pushes_come_in_their_place(make_link: MakeLink) -> None:
    """The follower gets a push before the waiter gets the reply behind it."""
    opener = Opener()
    link, log = followed(make_link, opener)
    ready = asyncio.ensure_future(link.ready())
    await written(opener, HELLO)
    opener.transport.receive(b"+OK\r\n")
    future = (await ready).call(pack("GET", "k"))
    future.add_done_callback(lambda _: log.calls.append("reply"))
    opener.transport.receive(PONG + b">2\r\n$1\r\na\r\n$1\r\nb\r\n" + b"$1\r\nv\r\n")
    await turns()
    assert [entry for entry in log.calls if entry in ("reply", [b"a", b"b"])] == [[b"a", b"b"], "reply"]


@pytest.mark.parametrize(("reply", "is_answer"), [(PONG, True), (b"-BUSY a script runs\r\n", False)])
async def test_only_a_proper_answer_counts(make_link: MakeLink, reply: bytes, is_answer: bool) -> None:
    """A PING that is answered by an error does not count as answered."""
    opener = Opener()
    link, log = followed(make_link, opener)
    ready = asyncio.ensure_future(link.ready())
    await written(opener, HELLO)
    opener.transport.receive(b"+OK\r\n")
    await ready
    opener.transport.receive(reply)
    await turns()
    assert ("answered" in log.calls) is is_answer
    assert link.wire is not None


async def test_a_loss_is_notified_before_any_waiter(make_link: MakeLink) -> None:
    """The follower is notified of a lost wire first, and then of no answer to an earlier PING."""
    opener = Opener()
    link, log = followed(make_link, opener)
    ready = asyncio.ensure_future(link.ready())
    await written(opener, HELLO)
    opener.transport.receive(b"+OK\r\n")
    wire = await ready
    future = wire.call(pack("GET", "k"))
    future.add_done_callback(lambda _: log.calls.append("waiter"))
    opener.transport.receive(PONG)
    wire.leave("it is lost while the answer to the PING waits for its turn")
    with pytest.raises(BackendUnavailableError):
        await future
    await turns()
    assert log.calls[-2:] == ["lost", "waiter"]


async def test_one_follows_from_the_beginning(make_link: MakeLink) -> None:
    """A second follower, and one that comes after the first connection was wanted, are refused."""
    opener = Opener()
    link, _ = followed(make_link, opener)
    with pytest.raises(InvalidArgumentError):
        link.follow(Log())
    late = make_link(opener)
    ready = asyncio.ensure_future(late.ready())
    await ready
    with pytest.raises(InvalidArgumentError):
        late.follow(Log())
