"""What a hostile or a broken server may make this process build."""

import asyncio
import tracemalloc

import pytest

from layercache.backends.redis.resp import MOST_TEXT, ReplyFault
from layercache.backends.redis.transport.bounds import MAX_REPLY
from layercache.backends.redis.transport.wire import LinkLost, Wire
from tests.redis.simulated import SimulatedTransport

GET = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
HUGE = [b"*1000000000\r\n", b">1000000000\r\n", b"*9223372036854775807\r\n", b"*1\r\n*2\r\n*1000000\r\n"]
ASIDE = [
    b"|1\r\n+ttl\r\n:3600\r\n",
    b"|3\r\n+a\r\n+b\r\n+c\r\n+d\r\n+e\r\n+f\r\n",
    b"|0\r\n",
    b"~2\r\n:1\r\n:2\r\n",
    b"~1000000000\r\n",
]
LONGEST = 100_000_000  # bytes; a thousandth of what the largest of these would take

# What looks like one, and is none: text does not begin a line, and arrays are short.
HARMLESS = [
    b"$11\r\n/a|1\r\n*1000\r\n",
    b"$10\r\na*10000000\r\n",
    b"+*10000000\r\n",
    b"$9\r\n~1|1>1234\r\n",
    b"*1\r\n$3\r\n|1|\r\n",
]


def simulated() -> tuple[Wire, SimulatedTransport]:
    """A wire, and what stands for its server."""
    wire = Wire()
    return wire, SimulatedTransport(wire)


def cuts(data: bytes) -> list[tuple[bytes, ...]]:
    """Each way in which the network may cut *data* in two, whole, and byte by byte."""
    return [
        (data,),
        tuple(data[i : i + 1] for i in range(len(data))),
        *((data[:i], data[i:]) for i in range(1, len(data))),
    ]


@pytest.mark.parametrize("before", [b"", b"+OK\r\n", b"$5\r\na\r\nbc\r\n"], ids=repr)
@pytest.mark.parametrize("data", [*HUGE, *ASIDE], ids=repr)
async def test_what_is_not_to_be_built_is_not(data: bytes, before: bytes) -> None:
    """A huge aggregate, an attribute and a set end the connection unread, however they are cut."""
    tracemalloc.start()
    try:
        for pieces in cuts(before + data):
            wire, transport = simulated()
            futures = [wire.call(GET) for _ in range(3)]
            for piece in pieces:
                transport.receive(piece)
            assert "announces a million" in wire.lost or "no command is answered by" in wire.lost
            outcomes = await asyncio.gather(*futures, return_exceptions=True)
            assert all(isinstance(outcome, LinkLost) for outcome in outcomes[bool(before) :])
        assert tracemalloc.get_traced_memory()[1] < LONGEST
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("data", HARMLESS, ids=repr)
async def test_text_may_hold_any_sign(data: bytes) -> None:
    """A text that holds the signs of what is refused is given out, however it is cut."""
    for pieces in cuts(data):
        wire, transport = simulated()
        future = wire.call(GET)
        for piece in pieces:
            transport.receive(piece)
        assert wire.lost == ""
        await future
        wire.leave("done")


@pytest.mark.parametrize(
    ("head", "more"),
    [
        (b"$9999999999\r\n", b"x" * 2**16),
        (b"*999999\r\n", b"+" + b"x" * 2**16 + b"\r\n"),
        (b"+", b"x" * 2**16),
    ],
    ids=["a text", "an array", "a line"],
)
async def test_a_reply_without_an_end(head: bytes, more: bytes) -> None:
    """A reply that does not end ends the connection after so many bytes."""
    wire, transport = simulated()
    future = wire.call(GET)
    transport.receive(head)
    size = 0
    while not wire.lost:
        transport.receive(more)
        size += len(more)
    assert MAX_REPLY - len(more) <= size <= MAX_REPLY + len(more)
    with pytest.raises(LinkLost, match=f"more than {MAX_REPLY} bytes"):
        await future


async def test_many_replies_are_no_large_one() -> None:
    """However much comes in all, only what belongs to one reply counts."""
    wire, transport = simulated()
    text = b"x" * 2**20
    for _ in range(2 * MAX_REPLY // len(text)):
        future = wire.call(GET)
        transport.receive(b"$%d\r\n%s\r\n" % (len(text), text))
        assert await future == text
    assert wire.lost == ""


async def test_an_error_is_cut() -> None:
    """Of an error's text as much is kept as a message needs, and its first word."""
    wire, transport = simulated()
    future = wire.call(GET)
    transport.receive(b"-WRONGTYPE " + b"x" * 5_000_000 + b"\r\n")
    with pytest.raises(ReplyFault) as caught:
        await future
    assert (len(str(caught.value)), caught.value.code) == (MOST_TEXT, "WRONGTYPE")
