"""What keeps a wire up: attempts, pauses, and the end."""

import asyncio
import contextlib
import gc
import signal
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from redis.backoff import ConstantBackoff

from layercache.backends.redis.resp import ReplyFault, pack
from layercache.backends.redis.transport.link import PING
from layercache.backends.redis.transport.wire import LinkLost, Wire
from layercache.errors import BackendError, BackendUnavailableError
from tests.redis.clients import recovered
from tests.redis.conftest import MakeLink
from tests.redis.simulated import Opener
from tests.servers import RedisServer

SOON = 0.02  # seconds
NEVER = ConstantBackoff(3600)


# ---- attempts


async def test_nothing_is_opened_unasked(make_link: MakeLink) -> None:
    """A link connects when it is first asked to be ready, and not before."""
    opener = Opener()
    link = make_link(opener)
    await asyncio.sleep(0)
    assert (repr(link), opener.attempts) == ("<Link idle>", 0)


async def test_all_wait_for_one_attempt(make_link: MakeLink) -> None:
    """However many ask, there is one attempt, and they get its wire."""
    opener = Opener()
    link = make_link(opener)
    asking = [asyncio.create_task(link.ready()) for _ in range(10)]
    await asyncio.sleep(0)
    assert repr(link) == "<Link trying>"
    opener.succeed()
    assert set(await asyncio.gather(*asking)) == {link.wire}
    assert (repr(link), opener.attempts) == ("<Link up>", 1)


async def test_a_waiter_that_gives_up_leaves_the_attempt_alone(make_link: MakeLink) -> None:
    """Cancelling who waits for a wire cancels neither the attempt nor the others."""
    opener = Opener()
    link = make_link(opener)
    first, second = [asyncio.create_task(link.ready()) for _ in range(2)]
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    opener.succeed()
    assert await second is link.wire


@pytest.mark.parametrize(
    "error", [OSError("refused"), ValueError("a bug"), ReplyFault("LOADING it")], ids=repr
)
async def test_after_a_failure_there_is_no_waiting(make_link: MakeLink, error: Exception) -> None:
    """When the last attempt has failed, each caller gets the reason at once, in an exception of its own."""
    opener = Opener()
    link = make_link(opener, backoff=NEVER)
    asking = [asyncio.create_task(link.ready()) for _ in range(2)]
    opener.fail(error)
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    with pytest.raises(BackendUnavailableError, match=str(error)) as caught:
        await link.ready()
    outcomes.append(caught.value)
    assert len(set(map(id, outcomes))) == 3
    assert all(isinstance(outcome, BackendUnavailableError) for outcome in outcomes)
    assert caught.value.__cause__ is error
    assert repr(link) == f"<Link down: {error}>"


async def test_a_refusal_is_no_unavailability(make_link: MakeLink) -> None:
    """A server that refuses the credentials is a clear error, and not one to wait out."""
    opener = Opener()
    link = make_link(opener, backoff=NEVER)
    opener.fail(ReplyFault("WRONGPASS invalid"))
    with pytest.raises(BackendError, match="WRONGPASS") as caught:
        await link.ready()
    assert not isinstance(caught.value, BackendUnavailableError)


async def test_attempts_go_on(make_link: MakeLink) -> None:
    """After failures the link finds the server by itself, unasked."""
    up = asyncio.Event()
    opener = Opener()
    link = make_link(opener, on_state=lambda _: up.set())
    opener.fail(OSError("refused"))
    with pytest.raises(BackendUnavailableError):
        await link.ready()
    opener.succeed()
    await up.wait()
    assert await link.ready() is link.wire


# ---- losses


async def test_a_short_life_counts_as_a_failure(make_link: MakeLink) -> None:
    """A connection that is lost at once is not followed by another before a pause."""
    opener = Opener()
    link = make_link(opener, backoff=NEVER)
    opener.succeed()
    wire = await link.ready()
    wire.leave("READONLY, say")
    with pytest.raises(BackendUnavailableError, match="READONLY, say"):
        await link.ready()
    assert opener.attempts == 1


async def test_a_connection_lost_in_its_greeting_is_no_wire(make_link: MakeLink) -> None:
    """A wire that was lost before the link had it is never handed out."""
    opener = Opener()

    async def open_and_lose(make_wire: Callable[[], Wire]) -> Wire:
        wire = await opener(make_wire)
        wire.leave("too late")
        return wire

    link = make_link(open_and_lose, backoff=NEVER)
    opener.succeed()
    with pytest.raises(BackendUnavailableError, match="too late"):
        await link.ready()


async def test_states_are_notified(make_link: MakeLink) -> None:
    """The listener is notified of each connection and loss, and of a loss before the waiters."""
    events: list[tuple[bool, bool]] = []
    futures: list[asyncio.Future[object]] = [asyncio.get_running_loop().create_future()]
    opener = Opener()
    link = make_link(opener, on_state=lambda is_up: events.append((is_up, futures[-1].done())))
    opener.succeed()
    wire = await link.ready()
    futures.append(wire.call(PING))
    wire.leave("enough")
    assert events == [(True, False), (False, False)]
    assert futures[-1].done()
    with pytest.raises(LinkLost):
        await futures[-1]


# ---- its end


async def test_never_two_connections(make_link: MakeLink) -> None:
    """An attempt begins when the last connection has ended, however it was lost."""
    opener = Opener()
    wires: list[Wire] = []

    async def open_alone(make_wire: Callable[[], Wire]) -> Wire:
        assert all(wire.ended.done() for wire in wires)
        wires.append(await opener(make_wire))
        return wires[-1]

    link = make_link(open_alone, backoff=ConstantBackoff(0), heartbeat=SOON)
    opener.succeed()
    for lose in (lambda wire: wire.leave("left"), lambda _: opener.transport.end(OSError()), lambda _: None):
        wire = await recovered(link)
        lose(wire)
        await wire.ended
    assert await recovered(link) is wires[-1]
    assert len(wires) > 3


async def test_closing_ends_whoever_waits(make_link: MakeLink) -> None:
    """After aclose each await of a reply has ended, and so has each attempt to ask."""
    opener = Opener()
    link = make_link(opener)
    opener.succeed()
    wire = await link.ready()
    futures = [wire.call(PING) for _ in range(5)]
    await link.aclose()
    assert all(isinstance(future.exception(), LinkLost) for future in futures)
    assert wire.ended.done()
    assert repr(link) == "<Link down: the link is closed>"
    with pytest.raises(BackendUnavailableError, match="closed"):
        await link.ready()
    await link.aclose()


async def test_closing_ends_an_attempt(make_link: MakeLink) -> None:
    """Who waits for an attempt when the link is closed gets an error."""
    link = make_link(Opener())
    asking = asyncio.create_task(link.ready())
    await asyncio.sleep(0)
    await link.aclose()
    with pytest.raises(BackendUnavailableError, match="closed"):
        await asking


# ---- real servers


@pytest.mark.every_loop
async def test_closing_under_load(redis_server: RedisServer, make_link: MakeLink) -> None:
    """A link that is closed with commands in flight leaves nothing behind."""
    link = make_link(redis_server.url)
    wire = await link.ready()
    futures = [wire.call(PING) for _ in range(1000)]
    await asyncio.sleep(0)
    await link.aclose()
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} <= {LinkLost, bytes}


@pytest.mark.every_loop
async def test_leaving_in_the_turn_of_a_call(redis_server: RedisServer, make_link: MakeLink) -> None:
    """A wire that is left before it has written writes nothing more."""
    wire = await make_link(redis_server.url).ready()
    future = wire.call(PING)
    wire.leave("enough")
    with pytest.raises(LinkLost, match="enough"):
        await future
    await wire.ended


@pytest.mark.every_loop
async def test_a_server_that_does_not_read(own_server: RedisServer, make_link: MakeLink) -> None:
    """Few more bytes than the limit may wait to be written, and all that were taken are answered."""
    link = make_link(f"unix://{own_server.path}", heartbeat=60, max_bytes=2**20, max_pending=10**6)
    wire = await link.ready()
    payload = pack("SET", "a", "x" * 2**16)
    own_server.signal(signal.SIGSTOP)
    taken: list[asyncio.Future[object]] = []
    with contextlib.suppress(BackendUnavailableError):
        while len(taken) < 1000:
            taken.append(wire.call(payload))
            await asyncio.sleep(0)
    assert 2**20 < len(taken) * len(payload) < 2**22, "the kernel takes some, and far less of a unix socket"
    own_server.signal(signal.SIGCONT)
    assert await asyncio.gather(*taken) == [b"OK"] * len(taken)
    assert await wire.call(PING) == b"PONG"


@pytest.mark.every_loop
async def test_a_dead_wire_is_freed(redis_server: RedisServer, make_link: MakeLink) -> None:
    """Nothing keeps a wire that has ended, not even until the next collection of cycles."""
    link = make_link(redis_server.url)
    wire = await link.ready()
    future = wire.call(PING)
    gone = weakref.ref(wire)
    gc.disable()
    try:
        wire.leave("enough")
        del wire
        await asyncio.wait([future])
        await recovered(link)
        assert gone() is None
    finally:
        gc.enable()
        future.exception()


@pytest.mark.every_loop
async def test_a_server_that_comes_later(
    redis_program: Path, redis_directory: Path, make_link: MakeLink
) -> None:
    """A link may be made before its server is started, and finds it."""
    server = RedisServer(redis_program, redis_directory)
    link = make_link(server.url)
    with pytest.raises(BackendUnavailableError):
        await link.ready()
    try:
        server.start()
        assert await (await recovered(link)).call(PING) == b"PONG"
    finally:
        server.stop()
