"""A password is in no error, in nothing that led to one, and in no frame that one leads to."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from redis.asyncio import ConnectionPool
from redis.asyncio.sentinel import Sentinel
from redis.credentials import CredentialProvider

from layercache import BackendError, InvalidArgumentError, RedisCache, background, open_cache
from tests.redis.certificates import Certificate
from tests.redis.leaks import leaks
from tests.servers import RedisServer, free_port

pytestmark = pytest.mark.every_loop

CTX = background()
SECRET = "hunter2-s3cr3t"
HELLO = b"%2\r\n+proto\r\n:3\r\n+role\r\n+master\r\n"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[object]]


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    """A server that does *serve*; its port."""

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(guarded, "127.0.0.1", 0)
    async with listener:
        yield listener.sockets[0].getsockname()[1]


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read, and send nothing."""
    while await reader.read(1):
        pass


def sending(reply: bytes, *, is_last: bool = True) -> Serve:
    """Read what comes first, and send *reply*."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(reply)
        if not is_last:
            await silence(reader, writer)

    return serve


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back what was read."""
    while data := await reader.read(65536):
        writer.write(data)


async def assert_nothing_leaks(
    source: str | ConnectionPool, caplog: pytest.LogCaptureFixture, *secrets: str
) -> None:
    """See that a cache on *source* fails, and that neither the error nor log nor `repr` shows the secret."""
    asyncio.get_running_loop().set_debug(True)
    caplog.set_level(logging.DEBUG)
    async with RedisCache(source, near=10) as cache:
        with pytest.raises(BackendError) as raised:
            await cache.contains(CTX, "library/a", "sha256:00")
        shown = [repr(cache), repr(cache.backend), repr(asyncio.all_tasks()), caplog.text]
    for secret in (SECRET, *secrets):
        assert leaks(raised.value, secret) == []
        assert not [text for text in shown if secret in text]


# ---- while connecting

PHASES: dict[str, tuple[str, Serve]] = {
    "TLS hangs": ("rediss", silence),
    "TLS fails": ("rediss", sending(b"no TLS\r\n")),
    "HELLO hangs": ("redis", silence),
    "the rest hangs": ("redis", sending(HELLO, is_last=False)),
    "HELLO is cut off": ("redis", sending(HELLO[:10])),
    "the rest is cut off": ("redis", sending(HELLO + b"+OK\r\n")),
    "wrong password": ("redis", sending(b"-WRONGPASS invalid username-password pair\r\n")),
    "HELLO is quoted": (
        "redis",
        sending(f"-ERR unknown command 'HELLO', with args beginning with: 'AUTH' '{SECRET}'\r\n".encode()),
    ),
    "a part is quoted": (
        "redis",
        sending(f"-ERR unknown command 'HELLO', with args beginning with: '{SECRET[:9]}\r\n".encode()),
    ),
    "the password is quoted": ("redis", sending(f"-ERR what is {SECRET}\r\n".encode())),
    "an echo": ("redis", echo),
    "no Redis": ("redis", sending(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    "no RESP3": ("redis", sending(b"*2\r\n+proto\r\n:2\r\n")),
}


@pytest.mark.parametrize(("scheme", "serve"), PHASES.values(), ids=PHASES)
async def test_an_attempt_that_fails(scheme: str, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """Wherever an attempt ends, its error does not lead to the password."""
    async with listening(serve) as port:
        url = f"{scheme}://user:{SECRET}@127.0.0.1:{port}?socket_connect_timeout=0.2"
        await assert_nothing_leaks(url, caplog, SECRET[:9])


async def test_nobody_there(caplog: pytest.LogCaptureFixture) -> None:
    """Nor does that of a connection that is refused, of a name that is none, of a socket that is missing."""
    for address in (f"127.0.0.1:{free_port()}", "x" * 70, "name.invalid"):
        await assert_nothing_leaks(f"redis://user:{SECRET}@{address}?socket_connect_timeout=1", caplog)
    await assert_nothing_leaks(f"unix:///no/such/socket?username=user&password={SECRET}", caplog)


async def test_a_wrong_password(own_server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    """Nor does that of a real server that refuses it."""
    own_server.ask("ACL", "SETUSER", "user", "on", ">another")
    await assert_nothing_leaks(f"redis://user:{SECRET}@127.0.0.1:{own_server.port}", caplog)


async def test_certificates(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nor does that of a certificate that is not trusted, cannot be read, or has another passphrase."""
    certificate = Certificate(tmp_path)
    own = f"ssl_certfile={certificate.file}&ssl_keyfile={certificate.file}&ssl_password={SECRET}"
    async with listening(silence) as port:
        for options in ("ssl_ca_certs=/no/such/file", own, f"ssl_ca_data={SECRET}"):
            url = f"rediss://user:{SECRET}@127.0.0.1:{port}?socket_connect_timeout=0.2&{options}"
            with suppress(InvalidArgumentError):  # redis-py has no ssl_password in asyncio before 8.0
                await assert_nothing_leaks(url, caplog)


@pytest.mark.parametrize("password", [f"{SECRET}\udce4", "\udce4" + SECRET])
async def test_a_password_that_cannot_be_sent(password: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nor does that of a password that is no UTF-8."""
    async with listening(silence) as port:
        await assert_nothing_leaks(ConnectionPool(port=port, password=password), caplog)
        await assert_nothing_leaks(f"redis://:{password}@127.0.0.1:{port}", caplog)


# ---- providers


class Failing(CredentialProvider):
    """Knows a secret, and does with it what it should not."""

    def __init__(self, act: Callable[[str], object]) -> None:
        self._act = act

    def get_credentials(self) -> tuple[str]:
        """Fail, or give what are no credentials."""
        secret = SECRET
        return self._act(secret)  # type: ignore[return-value]  # the fault

    async def get_credentials_async(self) -> tuple[str]:
        """The same, as redis-py asks in asyncio."""
        secret = SECRET
        given = self._act(secret)
        return (await given) if asyncio.iscoroutine(given) else given  # type: ignore[return-value]  # the fault


def broken(secret: str) -> object:
    """Raise it, with a cause that has it, too."""
    raise OSError(f"cannot renew {secret}") from KeyError(secret)


async def hanging(secret: str) -> object:
    """Never return."""
    return await asyncio.Event().wait() or secret


GIVEN: dict[str, Callable[[str], object]] = {
    "raises": broken,
    "hangs": hanging,
    "raises in groups": lambda secret: (_ for _ in ()).throw(ExceptionGroup(secret, [ValueError(secret)])),
    "a text": lambda secret: secret,
    "three": lambda secret: (secret, secret, secret),
    "nothing": lambda secret: None,
    "bytes": lambda secret: (secret.encode(),),
    "numbers": lambda secret: (1, secret),
    "no UTF-8": lambda secret: (secret + "\udce4",),
}


@pytest.mark.parametrize("act", GIVEN.values(), ids=GIVEN)
async def test_a_provider_that_fails(act: Callable[[str], object], caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a provider of credentials does with them, the error does not repeat what it knows."""
    async with listening(silence) as port:
        provider = Failing(act)
        pool = ConnectionPool(port=port, credential_provider=provider, socket_connect_timeout=0.2)
        await assert_nothing_leaks(pool, caplog)


# ---- Sentinel

SENTINELS: dict[str, Serve] = {
    "hangs": silence,
    "closes": sending(b""),
    "refuses": sending(b"-WRONGPASS invalid username-password pair\r\n"),
    "quotes": sending(f"-ERR unknown command 'AUTH', with args beginning with: '{SECRET}'\r\n".encode() * 3),
    "knows no primary": sending(b"+OK\r\n+OK\r\n+OK\r\n*0\r\n", is_last=False),
}


@pytest.mark.parametrize("serve", SENTINELS.values(), ids=SENTINELS)
async def test_sentinel(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """What a Sentinel does leads neither to its password nor to that of the primary."""
    of_sentinel = "s3nt1n3l"
    async with listening(serve) as port:
        asked = Sentinel(  # type: ignore[no-untyped-call]
            [("127.0.0.1", port)], sentinel_kwargs={"password": of_sentinel, "socket_timeout": 0.1}
        )
        pool = asked.master_for("registry", password=SECRET, socket_connect_timeout=0.5).connection_pool
        await assert_nothing_leaks(pool, caplog, of_sentinel)
        await asyncio.gather(*(client.aclose() for client in asked.sentinels))


# ---- URLs that make no sense

WRONG_URLS = [
    f"redis://user:{SECRET}@localhost?what=1",
    f"redis://user:{SECRET}@localhost:port",
    f"redis://user:{SECRET}@localhost:99999999",
    f"redis://user:{SECRET}/x@localhost",
    f"redis://user:{SECRET}?x@localhost",
    f"redis://user:{SECRET}#x@localhost",
    f"redis://user:12/{SECRET}@localhost",
    f"redis://user:12?{SECRET}@localhost",
    f"redis://user:12?{SECRET}=2@localhost",
    f"redis://user:12#{SECRET}@localhost",
    f"redis://user:[{SECRET}@localhost",
    f"redis://user:{SECRET}@[::1",
    f"redis://user:{SECRET}@\u2100/2",
    f"redis://user:{SECRET}@localhost?db=x",
    f"redis://user:{SECRET}@localhost?socket_connect_timeout=soon",
    f"redis://user:{SECRET}@localhost?ttl=soon",
    f"redis://user:{SECRET}@localhost?ttl=0",
    f"redis://user:{SECRET}@localhost?near=-1",
    f"redis://user:{SECRET}@localhost?near=10&max_staleness=0",
    f"redis://user:{SECRET}@localhost?max_staleness=3",
    f"rediss://user:{SECRET}@localhost?ssl_cert_reqs=perhaps",
    f"redis://localhost?password={SECRET}&what=1",
    f"redis://localhost?password={SECRET}&password={SECRET}",
    f"redis://localhost?db=x&password={SECRET}",
    f"rediss://localhost?ssl_cert_reqs=perhaps&ssl_password={SECRET}",
    f"unix:///s?password={SECRET}&password={SECRET}",
    f"unix:///s?password={SECRET}&db=x",
    f"unix:///s?password={SECRET}#x",
    f"memory://user:{SECRET}@host",
    f"memory:///{SECRET}",
    f"memcached://user:{SECRET}@host",
    f"//user:{SECRET}@host",
    f"user:{SECRET}@host",
    f":{SECRET}@host:6379",
]


@pytest.mark.parametrize("url", WRONG_URLS)
def test_a_url_that_makes_no_sense(url: str) -> None:
    """Wherever the password stands in a URL that is refused, the error does not lead to it."""
    with pytest.raises(InvalidArgumentError) as raised:
        open_cache(url)
    assert leaks(raised.value, SECRET) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: RedisCache(f"redis://user:{SECRET}@localhost?what=1"),
        lambda: RedisCache(f"rediss://user:{SECRET}@localhost?ssl_cert_reqs=perhaps"),
        lambda: RedisCache(f"redis://user:{SECRET}@localhost", ttl=-1),
        lambda: RedisCache(ConnectionPool(password=SECRET, colour="red")),
        lambda: RedisCache(ConnectionPool(password=SECRET), lease_seconds=0),
    ],
)
def test_settings_that_make_no_sense(make: Callable[[], RedisCache]) -> None:
    """Nor does the error of a cache that is made by hand, and its settings refused."""
    with pytest.raises(InvalidArgumentError) as raised:
        make()
    assert leaks(raised.value, SECRET) == []
