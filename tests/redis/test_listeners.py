"""A link outlives what it was given: listeners and backoffs that raise."""

import asyncio

import pytest
from redis.backoff import ConstantBackoff, ExponentialBackoff

from layercache.backends.redis.resp import pack
from layercache.backends.redis.transport.wire import LinkLost
from layercache.errors import BackendUnavailableError
from tests.connection_events import ConnectionEvents
from tests.redis.conftest import MakeLink
from tests.redis.simulated import Opener

SOON = 0.02  # seconds
AT_ONCE = ConstantBackoff(0)


class Raising(ConnectionEvents):
    """Counts how often a link came up, and raises once at the event that the test chose."""

    def __init__(self, *, word: bool) -> None:
        super().__init__()
        self._word: bool | None = word

    def __call__(self, is_up: bool) -> None:
        super().__call__(is_up)
        if is_up is self._word:
            self._word = None
            raise RuntimeError("a bug of the listener")


async def test_a_listener_that_raises_at_the_rise(make_link: MakeLink) -> None:
    """The caller gets the listener's failure, and the next attempt is made."""
    opener, events = Opener(), Raising(word=True)
    link = make_link(opener, on_state=events, backoff=AT_ONCE)
    opener.succeed()
    with pytest.raises(BackendUnavailableError, match="a bug of the listener"):
        await link.ready()
    await events.until_up(2)
    assert await link.ready() is link.wire


async def test_a_listener_that_raises_at_the_fall(make_link: MakeLink) -> None:
    """Each waiter is notified of the loss all the same, and the link goes on."""
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))
    opener, events = Opener(), Raising(word=False)
    link = make_link(opener, on_state=events, backoff=AT_ONCE)
    opener.succeed()
    future = (await link.ready()).call(pack("GET", "k"))
    opener.transport.end(OSError("reset"))
    with pytest.raises(LinkLost):
        await future
    await events.until_up(2)
    assert await link.ready() is link.wire
    assert [type(one) for one in reported] == [RuntimeError]


async def test_a_wire_that_is_left_closes_whatever_its_listener_does(make_link: MakeLink) -> None:
    """A connection that is given up is closed, though the listener raises."""
    opener = Opener()
    link = make_link(opener, on_state=Raising(word=False), backoff=AT_ONCE)
    opener.succeed()
    wire = await link.ready()
    with pytest.raises(RuntimeError, match="listener"):
        wire.leave("the test wants it")
    await wire.ended


async def test_a_long_outage(make_link: MakeLink) -> None:
    """After however many failures the link goes on, with redis-py's backoffs, which overflow at 1,024."""
    opener, events = Opener(), ConnectionEvents()
    link = make_link(opener, on_state=events, backoff=ExponentialBackoff(cap=0, base=SOON))
    opener.fail(OSError("refused"))
    with pytest.raises(BackendUnavailableError):
        await link.ready()
    while opener.attempts < 1_100:  # noqa: ASYNC110 - attempts are no event
        await asyncio.sleep(0)
    opener.succeed()
    await events.until_up(1)
