"""From a name to a connection, where names take their time and addresses are dead."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from redis.asyncio import ConnectionPool

from layercache.backends.redis.resp import pack
from layercache.backends.redis.transport.addresses import DELAY
from layercache.backends.redis.transport.handshake import Handshake
from layercache.backends.redis.transport.wire import Wire
from layercache.errors import BackendUnavailableError
from tests.redis.clients import recovered
from tests.redis.conftest import MakeLink
from tests.servers import RedisServer

pytestmark = pytest.mark.every_loop

NAME = "redis.example"
THERE, DEAD, REFUSING = "127.0.0.1", "127.0.0.2", "127.0.0.3"
Name = Callable[..., None]


@pytest.fixture
def name(monkeypatch: pytest.MonkeyPatch) -> Name:
    """A way to set which addresses `redis.example` has, and what a look-up of it does before it returns."""
    real = socket.getaddrinfo

    def give(*addresses: str, before: Callable[[], object] = lambda: None) -> None:
        def look_up(host: str, port: int, *args: object, **options: object) -> list[object]:
            if host != NAME:
                return list(real(host, port, *args, **options))  # type: ignore[arg-type]  # as it was called
            before()
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

    return give


@pytest.fixture
def _dead(redis_server: RedisServer) -> Iterator[None]:
    """An address that swallows each SYN: the queue of who waits to be accepted there is full."""
    with socket.create_server((DEAD, redis_server.port), backlog=0) as listener:
        waiting: list[socket.socket] = []
        while True:
            waiting.append(socket.socket())
            waiting[-1].settimeout(0.2)
            try:
                waiting[-1].connect(listener.getsockname())
            except TimeoutError:
                break
        for each in waiting[-1:]:
            each.close()
        yield
        for each in waiting:
            each.close()


# ---- several addresses


@pytest.mark.usefixtures("_dead")
@pytest.mark.parametrize("seconds", [4.0, 2 * DELAY])
@pytest.mark.parametrize(
    "addresses", [[DEAD, THERE], [DEAD, REFUSING, DEAD, THERE], [REFUSING, THERE], [THERE, DEAD]]
)
async def test_a_dead_address(
    redis_server: RedisServer, make_link: MakeLink, name: Name, addresses: list[str], seconds: float
) -> None:
    """Whatever addresses are dead, the one that lives is connected within the time that there is."""
    name(*addresses)
    link = make_link(f"redis://{NAME}:{redis_server.port}?socket_connect_timeout={seconds}")
    assert await (await link.ready()).call(pack("PING")) == b"PONG"
    await link.aclose()
    await asyncio.sleep(0)  # uvloop closes a moment later


@pytest.mark.parametrize("addresses", [[REFUSING], [REFUSING, "127.0.0.4"], []])
async def test_no_address_lives(
    redis_server: RedisServer, make_link: MakeLink, name: Name, addresses: list[str]
) -> None:
    """Where no address can be connected the error comes at once, and names the server."""
    name(*addresses)
    link = make_link(f"redis://{NAME}:{redis_server.port}?socket_connect_timeout=60")
    async with asyncio.timeout(30):
        with pytest.raises(BackendUnavailableError, match=rf"{NAME}:\d+: .*(refused|failed|no address)"):
            await link.ready()


async def test_no_delay(redis_server: RedisServer, make_link: MakeLink) -> None:
    """A connection sends at once what it has to send."""
    wire = await make_link(redis_server.url).ready()
    connected = wire._transport.get_extra_info("socket")
    assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


# ---- a name service that hangs


async def test_a_look_up_that_hangs(redis_server: RedisServer, name: Name) -> None:
    """Attempts that are over leave one look-up behind, and the next of them has what it brings."""
    may_end, asked = threading.Event(), []

    def hang() -> None:
        asked.append(threading.current_thread())
        may_end.wait()

    name(THERE, before=hang)
    pool = ConnectionPool(host=NAME, port=redis_server.port, socket_connect_timeout=0.02)
    opener = Handshake(pool)
    for _ in range(20):
        with pytest.raises(BackendUnavailableError, match=r"no connection within 0\.02 s"):
            await opener(Wire)
    assert len(asked) == 1
    assert await asyncio.to_thread(int) == 0, "the executor is the application's"
    assert asked[0].daemon, "the end of the process waits for it"
    may_end.set()
    asked[0].join()
    pool.connection_kwargs["socket_connect_timeout"] = 10.0
    wire = await opener(Wire)
    assert len(asked) == 1, "the look-up that ended meanwhile is good enough"
    wire.leave("it is no longer needed")
    await wire.ended


async def test_a_look_up_that_fails(redis_server: RedisServer, make_link: MakeLink, name: Name) -> None:
    """An error of the name service is reported, and the next attempt asks it again."""
    faults: list[Exception] = [socket.gaierror(-3, "Temporary failure"), UnicodeError("label too long")]

    def fail() -> None:
        if faults:
            raise faults.pop(0)

    name(THERE, before=fail)
    link = make_link(f"redis://{NAME}:{redis_server.port}")
    with pytest.raises(BackendUnavailableError, match=f"{NAME}.*Temporary failure"):
        await link.ready()
    assert await (await recovered(link)).call(pack("PING")) == b"PONG"
    assert faults == []
