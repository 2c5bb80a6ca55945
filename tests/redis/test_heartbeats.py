"""How a link distinguishes a server that hangs from one that is idle."""

import asyncio

import pytest
from redis.backoff import ConstantBackoff

from layercache.backends.redis.transport.link import PING
from layercache.backends.redis.transport.wire import LinkLost
from layercache.errors import BackendUnavailableError
from tests.redis.conftest import MakeLink
from tests.redis.simulated import Opener, SimulatedTransport

SOON = 0.02  # seconds
NEVER = ConstantBackoff(3600)


async def heartbeat(transport: SimulatedTransport, number: int) -> None:
    """Return when so many PINGs were written on *transport*."""
    while b"".join(transport.written).count(b"PING") < number:  # noqa: ASYNC110 - a simulated transport has no events
        await asyncio.sleep(0)


async def answered_heartbeats(transport: SimulatedTransport, count: int) -> None:
    """Answer each PING on *transport* until there were *count* of them."""
    answered = 0
    while answered < count:
        while answered < len(transport.written):
            transport.receive(b"+PONG\r\n")
            answered += 1
        await asyncio.sleep(0)


async def test_an_idle_link_is_kept_by_its_heartbeats(make_link: MakeLink) -> None:
    """A server that answers each PING is kept, though no command is sent to it."""
    opener = Opener()
    link = make_link(opener, heartbeat=SOON)
    opener.succeed()
    wire = await link.ready()
    await answered_heartbeats(opener.transport, 6)
    assert opener.transport.written == [PING.encode()] * 6
    assert link.wire is wire


@pytest.mark.parametrize("replies", [1, 3])
async def test_a_head_that_stays_is_a_hang(make_link: MakeLink, replies: int) -> None:
    """When the reply that is due stays due, the connection is left, and each caller gets an error at once."""
    opener = Opener()
    link = make_link(opener, heartbeat=SOON, backoff=NEVER)
    opener.succeed()
    future = (await link.ready()).call(PING * replies, replies)
    with pytest.raises(LinkLost, match=r"no reply for 0\.04 s"):
        await future
    with pytest.raises(BackendUnavailableError, match="no reply"):
        await link.ready()


async def test_a_slow_server_is_kept(make_link: MakeLink) -> None:
    """A server that answers one reply in each heartbeat is no hang, not even within a burst."""
    opener = Opener()
    link = make_link(opener, heartbeat=2 * SOON)
    opener.succeed()
    future = (await link.ready()).call(PING * 8, 8)
    for beat in range(1 + 8):  # the first heartbeat's is before them
        await heartbeat(opener.transport, 1 + 8 + beat)
        opener.transport.receive(b"+PONG\r\n")
    assert await future == [b"PONG"] * 8


async def test_a_full_queue_has_room_for_a_heartbeat(make_link: MakeLink) -> None:
    """Where callers find no room, a PING is sent all the same, and the link is kept while it is answered."""
    opener = Opener()
    link = make_link(opener, heartbeat=SOON, max_pending=2)
    opener.succeed()
    wire = await link.ready()
    opener.transport.receive(b"+PONG\r\n")
    future = wire.call(PING * 2, 2)
    with pytest.raises(BackendUnavailableError, match="too many commands"):
        wire.call(PING)
    await heartbeat(opener.transport, 1 + 2 + 2)
    opener.transport.receive(b"+PONG\r\n" * 4)
    assert await future == [b"PONG"] * 2
    assert link.wire is wire


async def test_a_lost_connection_is_tried_again_at_once(make_link: MakeLink) -> None:
    """After the loss of a connection that had lasted, who asks waits for the next attempt."""
    opener = Opener()
    link = make_link(opener, backoff=NEVER, heartbeat=SOON)
    opener.succeed()
    wire = await link.ready()
    await answered_heartbeats(opener.transport, 2)
    opener.transport.end(ConnectionResetError())
    await wire.ended
    assert link.wire is None
    assert await link.ready() not in (None, wire)
