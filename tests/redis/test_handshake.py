"""From a URL to a greeted connection: the server sees what redis-py's settings ask for."""

import asyncio
import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import ConnectionPool
from redis.asyncio.sentinel import Sentinel
from redis.credentials import CredentialProvider

from layercache.backends.redis.resp import ReplyFault, pack
from layercache.backends.redis.transport.handshake import Handshake
from layercache.backends.redis.transport.link import Link
from layercache.backends.redis.transport.wire import READ_SIZE
from layercache.errors import BackendError, BackendUnavailableError, InvalidArgumentError
from tests.redis.certificates import Certificate
from tests.redis.clients import recovered
from tests.redis.conftest import MakeLink
from tests.redis.proxy import Proxy
from tests.servers import RedisSentinel, RedisServer, running, started

pytestmark = pytest.mark.every_loop


async def session(link: Link) -> dict[str, str]:
    """What the server reports of the connection."""
    info = await (await link.ready()).call(pack("CLIENT", "INFO"))
    assert isinstance(info, bytes)
    return dict(item.split("=", 1) for item in info.decode().split())


# ---- settings


async def test_the_session(redis_server: RedisServer, make_link: MakeLink) -> None:
    """The protocol is RESP3; database and client name are those of the URL."""
    seen = await session(make_link(redis_server.url + "/3?client_name=registry-1"))
    assert (seen["resp"], seen["db"], seen["name"], seen["user"]) == ("3", "3", "registry-1", "default")


async def test_the_library_is_named(redis_server: RedisServer, make_link: MakeLink) -> None:
    """A server that keeps names of libraries gets ours, and an older one works all the same."""
    seen = await session(make_link(redis_server.url))
    assert seen.get("lib-name", "layercache") == "layercache"
    assert ("lib-name" in seen) == (redis_server.version >= (7, 2))


async def test_a_unix_socket(redis_server: RedisServer, make_link: MakeLink) -> None:
    """A URL of a unix socket names its path, and the database in its query."""
    seen = await session(make_link(f"unix://{redis_server.path}?db=2"))
    assert (seen["db"], seen["addr"]) == ("2", f"{redis_server.path}:0")


async def test_the_greeting_of_the_caller(redis_server: RedisServer, make_link: MakeLink) -> None:
    """The caller's own greeting is sent on each connection, the next one too."""
    link = make_link(Handshake.from_url(redis_server.url, ("SCRIPT", "LOAD", "return 7")))
    wire = await link.ready()
    redis_server.ask("SCRIPT", "FLUSH")
    wire.leave("once more")
    digest = hashlib.sha1(b"return 7").hexdigest()
    assert await (await recovered(link)).call(pack("EVALSHA", digest, 0)) == 7


async def test_a_greeting_that_fails(redis_server: RedisServer, make_link: MakeLink) -> None:
    """A connection whose greeting is refused is closed, and the refusal is reported."""
    link = make_link(Handshake.from_url(redis_server.url, ("SCRIPT", "LOAD", "no Lua")))
    with pytest.raises(BackendError, match="ERR") as caught:
        await link.ready()
    assert isinstance(caught.value.__cause__, ReplyFault)


async def test_a_script_that_must_not_be_loaded(own_server: RedisServer, make_link: MakeLink) -> None:
    """A connection whose user may not load scripts is a connection, while other refusals end it."""
    own_server.ask("ACL", "SETUSER", "guest", "on", ">secret", "~*", "+ping", "+eval")
    url = f"redis://guest:secret@127.0.0.1:{own_server.port}"
    wire = await make_link(Handshake.from_url(url, ("SCRIPT", "LOAD", "return 7"))).ready()
    assert await wire.call(pack("EVAL", "return 7", 0)) == 7
    with pytest.raises(BackendError, match="NOPERM"):
        await make_link(Handshake.from_url(url, ("GET", "a"))).ready()


# ---- credentials


async def test_a_password(own_server: RedisServer, make_link: MakeLink) -> None:
    """A password in the URL is the default user's, whatever characters are in it."""
    own_server.ask("CONFIG", "SET", "requirepass", "pä/ss: wörd")
    seen = await session(make_link(f"redis://:p%C3%A4%2Fss%3A%20w%C3%B6rd@127.0.0.1:{own_server.port}"))
    assert seen["user"] == "default"


async def test_a_user(own_server: RedisServer, make_link: MakeLink) -> None:
    """A user in the URL is who the server sees, and an operation it may not do is an error."""
    own_server.ask("ACL", "SETUSER", "reader", "on", ">secret", "~*", "+@read", "+@connection")
    link = make_link(f"redis://reader:secret@127.0.0.1:{own_server.port}")
    assert (await session(link))["user"] == "reader"
    with pytest.raises(ReplyFault, match="NOPERM"):
        await (await link.ready()).call(pack("SET", "a", "b"))


@pytest.mark.parametrize("credentials", ["", ":wrong@", "nobody:secret@"])
async def test_wrong_credentials(own_server: RedisServer, make_link: MakeLink, credentials: str) -> None:
    """Credentials that the server refuses are reported as an error, and not as unavailability."""
    own_server.ask("CONFIG", "SET", "requirepass", "secret")
    link = make_link(f"redis://{credentials}127.0.0.1:{own_server.port}")
    with pytest.raises(BackendError, match=r"NOAUTH|WRONGPASS") as caught:
        await link.ready()
    assert not isinstance(caught.value, BackendUnavailableError)


class Rotating(CredentialProvider):
    """Credentials that change."""

    def __init__(self, *passwords: str) -> None:
        self._passwords = iter(passwords)

    def get_credentials(self) -> tuple[str]:
        """The next ones."""
        return (next(self._passwords),)

    async def get_credentials_async(self) -> tuple[str]:
        """The next ones, as redis-py asks for them in asyncio."""
        return self.get_credentials()


async def test_a_provider_of_credentials(own_server: RedisServer, make_link: MakeLink) -> None:
    """A provider is asked anew for each connection."""
    own_server.ask("CONFIG", "SET", "requirepass", "second")
    pool = ConnectionPool(port=own_server.port, credential_provider=Rotating("first", "second"))
    link = make_link(Handshake(pool))
    with pytest.raises(BackendError, match="WRONGPASS"):
        await link.ready()
    assert await (await recovered(link)).call(pack("PING")) == b"PONG"


# ---- what cannot be


@pytest.mark.parametrize(
    "url",
    ["http://localhost", "redis://localhost:port", "redis://localhost?db=x", "redis://localhost?colour=red"],
)
def test_a_url_that_makes_no_sense(url: str) -> None:
    """A URL that redis-py makes no sense of is an invalid argument, before anything is connected."""
    with pytest.raises(InvalidArgumentError):
        Handshake.from_url(url)


async def test_nobody_there(make_link: MakeLink, own_server: RedisServer) -> None:
    """A server that is not there is unavailable, and the error names it, without its credentials."""
    own_server.stop()
    link = make_link(f"redis://user:secret@127.0.0.1:{own_server.port}")
    with pytest.raises(BackendUnavailableError, match=f"127.0.0.1:{own_server.port}") as caught:
        await link.ready()
    assert "secret" not in str(caught.value)


async def test_a_server_that_never_answers(make_link: MakeLink) -> None:
    """A greeting that is not answered ends when connecting should have, and its connection with it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        link = make_link(f"redis://127.0.0.1:{silent.getsockname()[1]}?socket_connect_timeout=0.05")
        with pytest.raises(BackendUnavailableError, match=r"no connection within 0\.05 s"):
            await link.ready()
        await link.aclose()


# ---- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for localhost."""
    return Certificate(tmp_path_factory.mktemp("certificate"))


async def test_tls(redis_server: RedisServer, make_link: MakeLink, certificate: Certificate) -> None:
    """Behind TLS large values go out and come back whole, and an end is noticed."""
    async with Proxy(redis_server.port, tls=certificate.server_context()) as proxy:
        link = make_link(f"{proxy.url}?ssl_ca_certs={certificate.file}")
        wire = await link.ready()
        values = [chr(ord("a") + number) * READ_SIZE * 3 for number in range(5)]
        await asyncio.gather(*(wire.call(pack("SET", number, value)) for number, value in enumerate(values)))
        replies = await asyncio.gather(*(wire.call(pack("GET", number)) for number in range(5)))
        assert replies == [value.encode() for value in values]
        proxy.cut()
        await wire.ended
        assert await (await recovered(link)).call(pack("PING")) == b"PONG"
        await link.aclose()


async def test_a_certificate_that_nobody_vouches_for(
    redis_server: RedisServer, make_link: MakeLink, certificate: Certificate
) -> None:
    """A server whose certificate is not trusted is not talked to."""
    async with Proxy(redis_server.port, tls=certificate.server_context()) as proxy:
        link = make_link(proxy.url)
        with pytest.raises(BackendUnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
            await link.ready()
        await link.aclose()


# ---- Sentinel


@pytest.fixture
def servers(
    redis_program: Path, redis_directory: Path
) -> Iterator[tuple[RedisServer, RedisServer, RedisSentinel]]:
    """Two servers, and a Sentinel to name one of them."""
    directories = [redis_directory / name for name in ("first", "second", "sentinel")]
    for directory in directories:
        directory.mkdir()
    with (
        running(redis_program, directories[0]) as first,
        running(redis_program, directories[1]) as second,
        started(RedisSentinel(redis_program, directories[2])) as sentinel,
    ):
        yield first, second, sentinel


async def test_sentinel_may_be_behind(
    servers: tuple[RedisServer, RedisServer, RedisSentinel], make_link: MakeLink
) -> None:
    """A server that Sentinel calls the primary, and that reports that it is none, is not used."""
    first, second, sentinel = servers
    second.ask("REPLICAOF", "127.0.0.1", first.port)
    sentinel.name_primary("registry", second)
    asked = Sentinel([("127.0.0.1", sentinel.port)])  # type: ignore[no-untyped-call]
    link = make_link(Handshake(asked.master_for("registry").connection_pool))
    with pytest.raises(BackendUnavailableError, match=r"sentinel:registry: .* no master"):
        await link.ready()
    sentinel.name_primary("registry", first)
    assert await (await recovered(link)).call(pack("PING")) == b"PONG"
    await asyncio.gather(*(client.aclose() for client in asked.sentinels))


async def test_sentinel(servers: tuple[RedisServer, RedisServer, RedisSentinel], make_link: MakeLink) -> None:
    """The link uses the primary that Sentinel names; when it answers READONLY the next one is found."""
    first, second, sentinel = servers
    sentinel.name_primary("registry", first)
    asked = Sentinel([("127.0.0.1", sentinel.port)])  # type: ignore[no-untyped-call]
    link = make_link(Handshake(asked.master_for("registry").connection_pool))
    assert (await session(link))["laddr"] == f"127.0.0.1:{first.port}"
    first.ask("REPLICAOF", "127.0.0.1", second.port)
    sentinel.name_primary("registry", second)
    with pytest.raises(ReplyFault, match="READONLY"):
        await (await recovered(link)).call(pack("SET", "a", "b"))
    assert await (await recovered(link)).call(pack("SET", "a", "b")) == b"OK"
    assert (await session(link))["laddr"] == f"127.0.0.1:{second.port}"
    await asyncio.gather(*(client.aclose() for client in asked.sentinels))
