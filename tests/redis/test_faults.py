"""What may happen to a server or to the way there, under two hundred tasks.

Each task checks each answer against what was written, and that each await
ended by its deadline; each test, that reads are answered again afterwards.
"""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
import redis

from layercache.backends.redis.resp import pack
from layercache.backends.redis.transport.link import Link
from layercache.backends.redis.transport.wire import LinkLost
from tests.redis.clients import KEYS, TASKS, Readers, fill, recovered, value
from tests.redis.conftest import MakeLink
from tests.redis.proxy import Proxy
from tests.servers import RedisServer, running

pytestmark = pytest.mark.every_loop

BOUNDED = "?socket_connect_timeout=1"
STOP_SECONDS = 3.0
SPARED = 10  # of a hundred awaits, that are not cancelled
PATIENT = (
    10.0  # seconds between two heartbeats, where a busy machine is not to be taken for a server that hangs
)


@pytest.fixture
def server(redis_program: Path, redis_directory: Path) -> Iterator[RedisServer]:
    """A server that has its data again when it is started again."""
    with running(redis_program, redis_directory, "--appendonly", "yes") as server:
        yield server


@pytest.fixture
async def proxy(server: RedisServer, nothing_is_left: None) -> AsyncIterator[Proxy]:
    """What stands between the server and `far`."""
    async with Proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
async def link(server: RedisServer, make_link: MakeLink) -> Link:
    """A link to the server, which is filled."""
    link = make_link(server.url + BOUNDED, heartbeat=PATIENT)
    await fill(link)
    return link


@pytest.fixture
async def far(proxy: Proxy, make_link: MakeLink) -> Link:
    """A link by way of the proxy to the server, which is filled."""
    link = make_link(proxy.url + BOUNDED, heartbeat=PATIENT)
    await fill(link)
    return link


async def test_a_killed_server(server: RedisServer, link: Link) -> None:
    """While a server is dead reads fail, and once it is started again they are answered again."""
    async with Readers(link) as clients:
        server.kill()
        await clients.more("BackendUnavailableError")
        server.start()
        await clients.more("answer")


async def test_a_stopped_server(server: RedisServer, make_link: MakeLink) -> None:
    """A server that hangs for three seconds costs reads their deadlines, is noticed, and is found again."""
    link = make_link(server.url + BOUNDED, heartbeat=0.4)
    await fill(link)
    went_on = asyncio.Event()

    def go_on() -> None:
        server.signal(signal.SIGCONT)
        went_on.set()

    async with Readers(link) as clients:
        server.signal(signal.SIGSTOP)
        asyncio.get_running_loop().call_later(STOP_SECONDS, go_on)
        await clients.more("DeadlineExceededError", TASKS)
        await clients.more("BackendUnavailableError")
        assert not went_on.is_set()
        assert clients.outcomes["DeadlineExceededError"] <= 4 * TASKS
        await went_on.wait()
        await clients.more("answer")


async def test_killed_clients(server: RedisServer, link: Link) -> None:
    """A connection that the server ends is replaced, every time."""
    async with Readers(link) as clients:
        for _ in range(5):
            server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await clients.more("answer")


async def test_a_cut_in_a_reply(proxy: Proxy, far: Link) -> None:
    """A connection that is reset within a reply delivers neither half of it nor another's."""
    async with Readers(far) as clients:
        for count in (1, 100, 1000, 10_000):
            proxy.cut_after(count)
            await clients.more("LinkLost", 1)
            await clients.more("answer")


async def test_a_slow_way(proxy: Proxy, make_link: MakeLink) -> None:
    """Replies that come after their readers left are swallowed, and the connection is kept."""
    far = make_link(proxy.url, heartbeat=PATIENT)
    await fill(far)
    async with Readers(far) as clients:
        proxy.delay = 0.6
        await clients.more("DeadlineExceededError")
        proxy.delay = 0.0
        await clients.more("answer")
    assert proxy.accepted == 1


async def test_dribbled_replies(proxy: Proxy, far: Link) -> None:
    """Replies that come in small pieces are put together."""
    async with Readers(far) as clients:
        proxy.piece = 50
        await clients.more("answer")
    assert proxy.accepted == 1


async def test_nonsense(proxy: Proxy, far: Link) -> None:
    """A server that stops speaking RESP is left at once for a new connection."""
    async with Readers(far) as clients:
        for noise in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 10, b"*-2\r\n"):
            proxy.send_instead(noise)
            await clients.more("LinkLost", 1)
            await clients.more("answer")


async def test_any_noise(proxy: Proxy, make_link: MakeLink) -> None:
    """Whatever bytes come in place of replies, the await ends, and a new connection answers."""
    far = make_link(proxy.url, heartbeat=0.05)
    await fill(far)
    chance = random.Random(5)
    for length in range(1, 21):
        wire = await far.ready()
        proxy.send_instead(chance.choice((b"", b"$9", b"*3\r\n", b">", b":")) + chance.randbytes(length))
        with pytest.raises(LinkLost):
            await wire.call(pack("GET", 1) * 50, 50)
        assert await (await recovered(far)).call(pack("GET", 1)) == value(1)


async def test_a_loading_server(server: RedisServer, link: Link) -> None:
    """A server that loads its data is unavailable, and its connection is kept."""
    before = link.wire
    server.ask("CONFIG", "SET", "key-load-delay", 1000, "loading-process-events-interval-bytes", 1024)
    async with Readers(link) as clients:
        reload = asyncio.create_task(asyncio.to_thread(server.ask, "DEBUG", "RELOAD"))
        await clients.more("BackendUnavailableError")
        await reload
        await clients.more("answer")
    assert link.wire is before


async def test_a_password_that_is_set_later(server: RedisServer, link: Link) -> None:
    """NOAUTH is an error and nothing to wait for, until the password is no longer asked for."""
    with redis.Redis(unix_socket_path=str(server.path)) as admin:
        async with Readers(link) as clients:
            admin.acl_setuser("default", enabled=True, passwords=["+secret"], reset_passwords=True)
            admin.client_kill_filter(_type="normal")
            await clients.more("BackendError")
            assert "NOAUTH" in repr(link)
            admin.acl_setuser("default", enabled=True, nopass=True)
            await clients.more("answer")


async def cancel_meanwhile(tasks: Sequence["asyncio.Task[object]"], chance: random.Random) -> None:
    """Cancel some of *tasks* in each turn of the loop, in any order, until all have ended but a few."""
    doomed = chance.sample(tasks, len(tasks) - SPARED)
    while doomed:
        for _ in range(min(len(doomed), chance.randrange(10))):
            doomed.pop().cancel()
        await asyncio.sleep(0)


async def test_cancelled_awaits(link: Link) -> None:
    """Ten thousand awaits that are cancelled at random moments disturb no other, and not the connection."""
    chance = random.Random(3)
    wire = await link.ready()

    async def read(key: int) -> object:
        return await wire.call(pack("GET", key))

    cancelled = 0
    async with Readers(link):
        while cancelled < 10_000:
            tasks = {asyncio.create_task(read(key)): key for key in chance.choices(range(KEYS), k=100)}
            await cancel_meanwhile(list(tasks), chance)
            await asyncio.wait(tasks)
            ended = {task: key for task, key in tasks.items() if not task.cancelled()}
            assert len(ended) >= SPARED
            assert [task.result() for task in ended] == [value(key) for key in ended.values()]
            cancelled += len(tasks) - len(ended)
    assert link.wire is wire
