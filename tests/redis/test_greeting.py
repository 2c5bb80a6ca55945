"""What a server may answer to a greeting: without RESP3 it is refused, and its own refusal is reported."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import ConnectionPool
from redis.asyncio.sentinel import Sentinel

from layercache import (
    BackendError,
    BackendUnavailableError,
    LayerMeta,
    RedisCache,
    background,
    open_cache,
)
from layercache.backends.redis.resp import pack
from layercache.backends.redis.transport.handshake import Handshake
from layercache.backends.redis.transport.link import Link
from layercache.testing import new_digest
from tests.redis.conftest import MakeLink
from tests.redis_cache.conftest import ON_ALL_SERVERS
from tests.servers import RedisServer, running

pytestmark = pytest.mark.every_loop

CTX = background()
REPO, DGST, META = "library/a", new_digest(), LayerMeta("/data", 7)
SECRET = "hunter2-s3cr3t"


@asynccontextmanager
async def server(answer: Callable[[bytes], bytes], at_once: bytes = b"") -> AsyncIterator[int]:
    """A server that sends something *at_once* and closes, or answers what it reads; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(at_once)
        while not at_once and (data := await reader.read(65536)):
            writer.write(answer(data))
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        yield listener.sockets[0].getsockname()[1]


async def failure(port: int, scheme: str = "redis") -> BackendError:
    """The error that a link to *port* reports."""
    link = Link(Handshake.from_url(f"{scheme}://user:{SECRET}@127.0.0.1:{port}?socket_connect_timeout=10"))
    with pytest.raises(BackendError) as raised:
        await link.ready()
    await link.aclose()
    assert SECRET not in str(raised.value)
    return raised.value


# ---- what is no RESP3

MAP = b"%2\r\n+server\r\n+redis\r\n+proto\r\n"
ODD_HELLOS = {
    "proto 2": (MAP + b":2\r\n", "map with proto 2"),
    "proto 4": (MAP + b":4\r\n", "map with proto 4"),
    "proto as text": (MAP + b"$1\r\n3\r\n", "map without a proto"),
    "proto is nothing": (MAP + b"_\r\n", "map without a proto"),
    "no proto": (b"%1\r\n+server\r\n+redis\r\n", "map without a proto"),
    "an empty map": (b"%0\r\n", "map without a proto"),
    "a flat array of RESP2": (b"*4\r\n+server\r\n+redis\r\n+proto\r\n:2\r\n", "list with proto 2"),
    "a flat array with 3": (b"*2\r\n+proto\r\n:3\r\n", "list with proto 3"),
    "an odd array": (b"*3\r\n+proto\r\n:3\r\n+role\r\n", "list with proto 3"),
    "an array of arrays": (b"*2\r\n*1\r\n+proto\r\n*0\r\n", "list without a proto"),
    "a number": (b":3\r\n", "int without a proto"),
    "OK": (b"+OK\r\n", "bytes without a proto"),
    "nothing": (b"_\r\n", "NoneType without a proto"),
    "true": (b"#t\r\n", "bool without a proto"),
    "a double": (b",3\r\n", "float without a proto"),
}


@pytest.mark.parametrize(("hello", "what"), ODD_HELLOS.values(), ids=ODD_HELLOS)
async def test_who_does_not_speak_resp3(hello: bytes, what: str) -> None:
    """An answer to HELLO that is not RESP3's is refused, by an error that says what is needed."""
    async with server(lambda _: hello + b"+OK\r\n" * 6) as port:
        error = await failure(port)
    assert what in str(error)
    assert "HELLO 3 is needed" in str(error)


OTHER_SERVERS: dict[str, Callable[[bytes], bytes]] = {
    "an echo": lambda data: data,
    "HTTP": lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "a key that cannot be one": lambda _: b"%1\r\n*1\r\n:1\r\n:1\r\n",
    "a text": lambda _: b"\x00\xff" * 100,
}


@pytest.mark.parametrize("answer", OTHER_SERVERS.values(), ids=OTHER_SERVERS)
async def test_who_is_no_redis(answer: Callable[[bytes], bytes]) -> None:
    """A server that is no Redis is an error of ours, which repeats nothing of the greeting."""
    async with server(answer) as port:
        await failure(port)


@pytest.mark.parametrize("hello", [MAP + b":3\r\n", b"%2\r\n+proto\r\n:3\r\n+role\r\n:1\r\n"])
async def test_a_server_without_a_role(hello: bytes) -> None:
    """What Sentinel calls the primary, and does not report that it is one, is not used."""

    class FixedSentinel(Sentinel):
        async def discover_master(self, service_name: str) -> tuple[str, int]:
            return "127.0.0.1", port

    async with server(lambda _: hello + b"+OK\r\n" * 6) as port:
        pool = FixedSentinel([]).master_for("registry").connection_pool  # type: ignore[no-untyped-call]
        link = Link(Handshake(pool))
        with pytest.raises(BackendUnavailableError, match="no master"):
            await link.ready()
        await link.aclose()


# ---- reasons

FULL = b"-ERR max number of clients reached\r\n"
DENIED = b"-DENIED Redis is running in protected mode because protected mode is enabled\r\n"


@pytest.mark.parametrize("refusal", [FULL, DENIED], ids=["full", "protected"])
async def test_a_server_that_refuses_and_closes(refusal: bytes) -> None:
    """What a server sends before it closes is the reason in each error."""
    async with server(lambda data: data, at_once=refusal) as port:
        for _ in range(20):
            error = await failure(port)
            assert refusal.decode().strip("-\r\n") in str(error)
            assert isinstance(error, BackendUnavailableError) == (refusal is FULL)


async def test_a_full_server(own_server: RedisServer, make_link: MakeLink) -> None:
    """A server that has as many clients as it takes is unavailable, and the error has its words."""
    held = await make_link(own_server.url).ready()
    assert await held.call(pack("CONFIG", "SET", "maxclients", 1)) == b"OK"
    link = make_link(own_server.url)
    with pytest.raises(BackendUnavailableError, match="max number of clients reached"):
        await link.ready()


async def test_a_provider_that_takes_its_time(own_server: RedisServer) -> None:
    """A provider of credentials is asked before there is a connection, which would wait for it."""

    class Slow:
        def get_credentials(self) -> tuple[str]:
            connected.append(str(own_server.ask("CLIENT", "LIST")).count("laddr="))
            return ("any",)

    connected: list[int] = []
    link = Link(Handshake(ConnectionPool(port=own_server.port, credential_provider=Slow())))
    await link.ready()
    await link.aclose()
    assert connected == [1], "that of the one who asks"


# ---- commands that were renamed away


@asynccontextmanager
async def without(program: Path, directory: Path, command: str) -> AsyncIterator[RedisServer]:
    """A server that does not know *command*."""
    with running(program, directory, "--rename-command", command, "") as server:
        yield server


@ON_ALL_SERVERS
@pytest.mark.parametrize("command", ["SCRIPT", "INFO"])
async def test_what_can_be_spared(redis_program: Path, redis_directory: Path, command: str) -> None:
    """Without SCRIPT, or INFO, a cache does all that a registry asks: its scripts go with their texts."""
    async with without(redis_program, redis_directory, command) as server, RedisCache(server.url) as cache:
        lease = await cache.lease(CTX, REPO, DGST)
        assert lease is not None
        assert await cache.fill(CTX, lease, META)
        assert await cache.stat(CTX, REPO, DGST) == META
        async with cache.removing(CTX, REPO, DGST), cache.forgetting(CTX, DGST):
            assert await cache.lease(CTX, REPO, DGST) is None
        assert not await cache.contains(CTX, REPO, DGST)


@ON_ALL_SERVERS
async def test_without_client(redis_program: Path, redis_directory: Path) -> None:
    """Without CLIENT the library is not named, and near is off for that reason."""
    async with (
        without(redis_program, redis_directory, "CLIENT") as server,
        open_cache(server.url + "?near=10") as cache,
    ):
        assert isinstance(cache, RedisCache)
        await cache.add(CTX, REPO, DGST)
        while not (state := cache.near_state) or not state.why_off:
            assert await cache.contains(CTX, REPO, DGST)
        assert "unknown command" in state.why_off


@ON_ALL_SERVERS
@pytest.mark.parametrize("command", ["HELLO", "SELECT"])
async def test_what_cannot_be_spared(redis_program: Path, redis_directory: Path, command: str) -> None:
    """Without HELLO, or SELECT for another database, the error names the command, and no argument of it."""
    password = ["--requirepass", SECRET]
    with running(redis_program, redis_directory, "--rename-command", command, "", *password) as server:
        link = Link(Handshake.from_url(f"redis://:{SECRET}@127.0.0.1:{server.port}/1"))
        with pytest.raises(BackendError, match=f"unknown command .*{command}|NOAUTH") as raised:
            await link.ready()
        await link.aclose()
    assert type(raised.value) is BackendError
    assert f"in answer to {command}" in str(raised.value)
    assert SECRET not in str(raised.value)
    if "NOAUTH" not in str(raised.value):  # A Valkey looks at credentials before it looks for the command.
        assert ("HELLO 3 is needed" in str(raised.value)) == (command == "HELLO")
