"""How long a link pauses between attempts, and how long it waits: as set, and by default.

What it does by itself is what docs/howto/redis.md promises, and runs on a clock that is turned by hand.
"""

import asyncio
import socket
from collections.abc import Callable

import pytest
from redis.backoff import AbstractBackoff

from layercache.backends.redis.transport.handshake import Handshake
from layercache.backends.redis.transport.link import Link
from layercache.backends.redis.transport.wire import Wire
from layercache.errors import BackendUnavailableError
from tests.connection_events import ConnectionEvents
from tests.context.manual import ManualLoop, by_hand, turns
from tests.redis.conftest import MakeLink
from tests.redis.simulated import Opener
from tests.redis.test_heartbeats import answered_heartbeats

SOON = 0.02  # seconds


class Recording(AbstractBackoff):
    """Pauses for no time.

    Attributes:
        calls: After how many failures it was asked for a pause, and each reset.
    """

    def __init__(self) -> None:
        self.calls: list[int | str] = []

    def compute(self, failures: int) -> float:
        """Note that it was asked."""
        self.calls.append(failures)
        return 0

    def reset(self) -> None:
        """Note that."""
        self.calls.append("reset")


@pytest.fixture
def recording() -> Recording:
    """What a link is given, to see what it asks."""
    return Recording()


# ---- as it is set


async def test_failures_are_counted(
    make_link: MakeLink, recording: Recording, events: ConnectionEvents
) -> None:
    """Failures in a row are counted, until a connection has lasted, after which they are counted anew."""
    opener = Opener()

    async def open_at_the_fourth(make_wire: Callable[[], Wire]) -> Wire:
        if len(recording.calls) != 3:
            raise OSError("refused")
        return await opener(make_wire)

    link = make_link(open_at_the_fourth, on_state=events, backoff=recording, heartbeat=SOON)
    opener.succeed()
    with pytest.raises(BackendUnavailableError):
        await link.ready()
    await events.until_up(1)
    await answered_heartbeats(opener.transport, 2)
    opener.transport.end(ConnectionResetError())
    await events.until_down()
    with pytest.raises(BackendUnavailableError):
        await link.ready()
    assert recording.calls[:5] == [1, 2, 3, "reset", 1]


async def test_short_lives_are_failures(
    make_link: MakeLink, recording: Recording, events: ConnectionEvents
) -> None:
    """Connections that are lost before they have lasted are failures in a row, though each was up."""
    opener = Opener()
    link = make_link(opener, on_state=events, backoff=recording)
    opener.succeed()
    await link.ready()
    for life in (1, 2, 3):
        opener.transport.end(ConnectionResetError())
        await events.until_up(life + 1)
    assert recording.calls == [1, 2, 3]


# ---- by itself


async def refuse(make_wire: Callable[[], Wire]) -> Wire:
    """Be a server that is down."""
    raise OSError("refused")


async def pauses(loop: ManualLoop, count: int) -> list[float]:
    """So many pauses of a link, in microseconds' precision, before which each attempt has failed."""
    link = Link(refuse)
    with pytest.raises(BackendUnavailableError):
        await link.ready()
    seen = [round(await loop.leap(), 6) for _ in range(count)]
    await link.aclose()
    return seen


@by_hand
async def test_pauses_grow(loop: ManualLoop) -> None:
    """The first pause is of 50 ms, those after many failures are far longer, and none is over 5 seconds."""
    seen = await pauses(loop, 1_000)
    assert (seen[0], min(seen), max(seen)) == (0.05, 0.05, 5.0)
    assert max(seen[:3]) < 0.5
    assert sum(seen[100:]) / len(seen[100:]) > 1


@by_hand
async def test_pauses_are_jittered(loop: ManualLoop) -> None:
    """After equally many failures two links do not pause equally long, so that many of them disperse."""
    one, another = await pauses(loop, 5), await pauses(loop, 5)
    assert one[:1] == another[:1]
    assert all(a != b for a, b in zip(one[1:], another[1:], strict=True))


@pytest.mark.parametrize("later", [0.0, 0.25, 0.49])
def test_a_hang_is_noticed_in_time(later: float) -> None:
    """A server that sends nothing is left after 1.0 to 1.5 seconds, whenever its last reply came."""

    @by_hand
    async def hang(loop: ManualLoop) -> None:
        opener = Opener()
        opener.succeed()
        link = Link(opener)
        wire = await link.ready()
        await turns()
        await loop.advance(later)
        opener.transport.receive(b"+PONG\r\n")
        last_word = loop.time()
        while not wire.lost:
            await loop.leap()
        assert 1.0 <= round(loop.time() - last_word, 6) <= 1.5
        await link.aclose()

    hang()


@by_hand
async def test_an_attempt_takes_two_seconds_at_most(loop: ManualLoop) -> None:
    """An attempt to connect to a server that sends nothing has failed after 2 seconds, and not before."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        link = Link(Handshake.from_url(f"redis://127.0.0.1:{silent.getsockname()[1]}"))
        asking = asyncio.create_task(link.ready())
        await turns()
        await loop.advance(1.99)
        assert not asking.done()
        await loop.advance(0.01)
        await turns(20)
        assert asking.done()
        with pytest.raises(BackendUnavailableError, match=r"no connection within 2\.0 s"):
            await asking
        await link.aclose()
