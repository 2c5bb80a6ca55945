"""One life of a connection: commands out, replies and pushes in, and its end."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layercache.backends.redis.resp import ReplyFault, pack
from layercache.backends.redis.transport.wire import READ_SIZE, LinkLost, Wire
from layercache.context import background
from layercache.errors import BackendUnavailableError, DeadlineExceededError
from tests.redis.simulated import SimulatedTransport

GET = pack("GET", "a")


def simulated(**options: object) -> tuple[Wire, SimulatedTransport]:
    """A wire on a simulated transport."""
    wire = Wire(**options)  # type: ignore[arg-type]  # each test names what it needs
    return wire, SimulatedTransport(wire)


async def turn() -> None:
    """Let the loop turn once."""
    await asyncio.sleep(0)


# ---- out


async def test_one_turn_is_one_write() -> None:
    """The commands of one turn of the loop leave in one write, in the order of their calls."""
    wire, transport = simulated()
    for number in range(100):
        wire.call(pack("GET", number))
    await turn()
    assert transport.written == ["".join(pack("GET", number) for number in range(100)).encode()]


async def test_lengths_count_bytes() -> None:
    """A packed command counts bytes of UTF-8, not characters."""
    assert pack("GET", "ü€", 7).encode() == b"*3\r\n$3\r\nGET\r\n$5\r\n\xc3\xbc\xe2\x82\xac\r\n$1\r\n7\r\n"


async def test_pending_commands_are_bounded() -> None:
    """A command, or a burst, past max_pending is refused at once, and accepted after a reply."""
    wire, transport = simulated(max_pending=3)
    wire.call(GET * 2, 2)
    with pytest.raises(BackendUnavailableError, match="too many commands wait"):
        wire.call(GET * 2, 2)
    wire.call(GET)
    with pytest.raises(BackendUnavailableError):
        wire.call(GET)
    transport.receive(b"_\r\n")
    assert not wire.call(GET).done()


async def test_pending_bytes_are_bounded() -> None:
    """While the transport has max_bytes to write, commands are refused at once and nothing is written."""
    wire, transport = simulated(max_bytes=1000)
    assert transport.high == 1000
    wire.pause_writing()
    with pytest.raises(BackendUnavailableError, match="too many commands wait"):
        wire.call(GET)
    await turn()
    assert transport.written == []
    wire.resume_writing()
    assert not wire.call(GET).done()


async def test_a_lost_wire_is_not_resumed() -> None:
    """A transport that has written all it had does not open a wire that is lost."""
    wire, _ = simulated()
    wire.pause_writing()
    wire.leave("enough")
    wire.resume_writing()
    with pytest.raises(BackendUnavailableError, match="enough"):
        wire.call(GET)


async def test_what_cannot_be_encoded_ends_the_connection() -> None:
    """A payload that cannot be encoded gives no reply to anybody, rather than the next one's."""
    wire, transport = simulated()
    futures = [wire.call(pack("GET", "a")), wire.call("\ud800")]
    await turn()
    assert transport.written == []
    for future in futures:
        with pytest.raises(LinkLost, match="cannot be encoded"):
            await future


# ---- in


async def test_replies_come_in_order() -> None:
    """Each future gets the reply of its own command, however the bytes are cut."""
    wire, transport = simulated()
    futures = [wire.call(pack("GET", number)) for number in range(50)]
    for byte in b"".join(b"$%d\r\n%d\r\n" % (len(str(number)), number) for number in range(50)):
        transport.receive(bytes([byte]))
    assert await asyncio.gather(*futures) == [str(number).encode() for number in range(50)]


async def test_a_reply_may_be_larger_than_a_read() -> None:
    """A reply that comes in several reads arrives whole."""
    wire, transport = simulated()
    future = wire.call(GET)
    transport.receive(b"$%d\r\n%b\r\n" % (3 * READ_SIZE, b"x" * 3 * READ_SIZE))
    assert await future == b"x" * 3 * READ_SIZE


async def test_a_burst_gets_a_list() -> None:
    """A burst of commands resolves one future, with its replies and none of its neighbours'."""
    wire, transport = simulated()
    futures = [wire.call(GET), wire.call(GET * 3, 3), wire.call(GET), wire.call(GET * 2, 2)]
    transport.receive(b":1\r\n:2\r\n:3\r\n")
    assert not futures[1].done()
    transport.receive(b":4\r\n:5\r\n:6\r\n:7\r\n")
    assert await asyncio.gather(*futures) == [1, [2, 3, 4], 5, [6, 7]]


async def test_an_error_reply_is_raised() -> None:
    """A single error reply is the exception of its future."""
    wire, transport = simulated()
    future = wire.call(GET)
    transport.receive(b"-WRONGTYPE Operation against a key\r\n")
    with pytest.raises(ReplyFault, match="Operation") as caught:
        await future
    assert caught.value.code == "WRONGTYPE"


async def test_an_error_in_a_burst_is_a_value() -> None:
    """An error among several replies keeps its position, and the others theirs."""
    wire, transport = simulated()
    future = wire.call(GET * 3, 3)
    transport.receive(b":1\r\n-ERR no\r\n:3\r\n")
    replies = await future
    assert isinstance(replies, list)
    assert [replies[0], replies[2]] == [1, 3]
    assert isinstance(replies[1], ReplyFault)


async def test_pushes_keep_their_position() -> None:
    """A push is delivered after the replies before it and before those behind it."""
    seen_pushes: list[object] = []
    futures: list[asyncio.Future[object]] = []
    wire, transport = simulated(
        on_push=lambda push: seen_pushes.append((list(push), [future.done() for future in futures]))
    )
    futures += [wire.call(GET), wire.call(GET)]
    transport.receive(
        b":1\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n:2\r\n>2\r\n$10\r\ninvalidate\r\n_\r\n"
    )
    assert seen_pushes == [([b"invalidate", [b"a"]], [True, False]), ([b"invalidate", None], [True, True])]


async def test_an_abandoned_await_swallows_its_reply() -> None:
    """What was cancelled, or failed by its context, takes its own reply with it, and no other."""
    wire, transport = simulated()
    first, cancelled, timed_out, burst, last = [wire.call(GET * n, n) for n in (1, 1, 1, 2, 1)]
    cancelled.cancel()
    burst.cancel()
    with background().with_timeout(0) as ctx:
        ctx.bind(timed_out)
        ctx.err()
    transport.receive(b"".join(b":%d\r\n" % number for number in range(6)))
    assert [await first, await last] == [0, 5]
    with pytest.raises(DeadlineExceededError):
        await timed_out


@pytest.mark.parametrize("code", ["READONLY", "MASTERDOWN"])
@pytest.mark.parametrize("replies", [1, 2])
async def test_no_master_is_left(code: str, replies: int) -> None:
    """A server that reports that it is no primary is left, after all its replies were delivered."""
    wire, transport = simulated()
    futures = [wire.call(GET * replies, replies), wire.call(GET), wire.call(GET)]
    transport.receive(b"-%b no\r\n" % code.encode() * replies + b":7\r\n")
    assert "it is no master" in wire.lost
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    assert outcomes[1] == 7
    assert isinstance(outcomes[2], LinkLost)


# ---- its end


@pytest.mark.parametrize(
    "data",
    [b"hello\r\n", b":1\r\n:2\r\n", b"$-7\r\n", b":1\r\n*1\r\n@", b"%1\r\n*0\r\n:1\r\n"],
    ids=["no RESP", "a reply too many", "a negative length", "a broken array", "an unhashable key"],
)
async def test_nonsense_ends_the_connection(data: bytes) -> None:
    """Bytes that put the order in doubt end the connection, after what came before them was given out."""
    wire, transport = simulated()
    future = wire.call(GET)
    transport.receive(data)
    assert "the order of replies is lost" in wire.lost
    outcome = (await asyncio.gather(future, return_exceptions=True))[0]
    assert outcome == 1 or isinstance(outcome, LinkLost)
    with pytest.raises(BackendUnavailableError, match="the order of replies"):
        wire.call(GET)
    await wire.ended


async def test_a_listener_that_raises_ends_the_connection() -> None:
    """A push that its listener could not take is not passed over."""

    def fail(push: list[object]) -> None:
        raise ZeroDivisionError

    wire, transport = simulated(on_push=fail)
    transport.receive(b">1\r\n+x\r\n")
    assert "ZeroDivisionError" in wire.lost


async def test_a_lost_connection_ends_every_await() -> None:
    """Each waiter gets an exception of its own, with the error of the transport as its cause."""
    wire, transport = simulated()
    futures = [wire.call(GET), wire.call(GET * 2, 2), wire.call(GET)]
    error = ConnectionResetError("reset")
    transport.end(error)
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [LinkLost] * 3
    assert len(set(map(id, outcomes))) == 3
    assert all(isinstance(outcome, LinkLost) and outcome.__cause__ is error for outcome in outcomes)
    assert wire.ended.done()


async def test_leaving_is_at_once() -> None:
    """A wire that is left takes no command from then on, and notifies its listener before its waiters."""
    futures: list[asyncio.Future[object]] = []
    seen: list[bool] = []
    wire, _ = simulated(on_lost=lambda _: seen.append(futures[0].done()))
    futures.append(wire.call(GET))
    wire.leave("why not")
    assert seen == [False]
    assert futures[0].done()
    wire.leave("again")
    assert wire.lost == "connection to server lost: why not"
    with pytest.raises(LinkLost, match="why not"):
        await futures[0]
    await wire.ended


async def test_repr_shows_state() -> None:
    """The repr of a wire shows whether it is open, and how many replies are due."""
    wire, _ = simulated()
    wire.call(GET * 2, 2).cancel()
    assert repr(wire) == "<Wire open, 2 replies due>"
    wire.leave("enough")
    assert repr(wire) == "<Wire connection to server lost: enough, 0 replies due>"


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # how busy the machine is, is no fault
@given(
    data=st.lists(
        st.binary(max_size=50) | st.sampled_from([b"+OK\r\n", b":1\r\n", b"$2\r\nab\r\n", b"*2\r\n"])
    )
)
async def test_any_bytes_raise_nothing(data: list[bytes]) -> None:
    """Whatever a server sends, nothing is raised in the wire, and who is not answered gets an error."""
    wire, transport = simulated()
    futures = [wire.call(GET), wire.call(GET * 2, 2), wire.call(GET)]
    for chunk in data:
        transport.receive(chunk)
    wire.leave("the end")
    for outcome in await asyncio.gather(*futures, return_exceptions=True):
        assert not isinstance(outcome, BaseException) or isinstance(outcome, LinkLost | ReplyFault)
