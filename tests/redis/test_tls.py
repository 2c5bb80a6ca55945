"""A server that speaks TLS itself, and asks for certificates: Debian's can, the wheel's cannot."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis.asyncio import ConnectionPool, SSLConnection

from layercache import LayerMeta, background, open_cache
from layercache.backends.redis.resp import pack
from layercache.backends.redis.transport.handshake import Handshake
from layercache.errors import BackendUnavailableError
from tests.redis.certificates import Certificate
from tests.redis.clients import Readers, fill
from tests.redis.conftest import MakeLink
from tests.servers import RedisServer, free_port, running, which

pytestmark = [pytest.mark.every_loop, pytest.mark.programs("redis-server")]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """What both sides show, and both trust."""
    return Certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def tls_port() -> int:
    """Where the server speaks TLS."""
    return free_port()


@pytest.fixture
def server(redis_directory: Path, certificate: Certificate, tls_port: int) -> Iterator[RedisServer]:
    """A server that has its data again when it is started again."""
    with speaking_tls(redis_directory, certificate, tls_port, "--appendonly", "yes") as server:
        yield server


@contextmanager
def speaking_tls(
    directory: Path, certificate: Certificate, port: int, *options: str
) -> Iterator[RedisServer]:
    """A server that shows *certificate*, and asks for one that it vouches for."""
    program = which("redis-server")
    assert program is not None
    files = ["--tls-cert-file", certificate.file, "--tls-key-file", certificate.key]
    trust = ["--tls-ca-cert-file", certificate.file, "--tls-port", port]
    with running(program, directory, *map(str, [*files, *trust, *options])) as server:
        yield server


@pytest.fixture
def trusting(server: RedisServer, certificate: Certificate, tls_port: int) -> str:
    """A URL that trusts the server, and shows it nothing."""
    return f"rediss://127.0.0.1:{tls_port}?ssl_ca_certs={certificate.file}"


@pytest.fixture
def url(trusting: str, certificate: Certificate) -> str:
    """A URL that shows the server what it asks for."""
    return f"{trusting}&ssl_certfile={certificate.file}&ssl_keyfile={certificate.key}"


async def test_a_cache(url: str) -> None:
    """A cache that is opened by a URL of TLS remembers what is put into it."""
    meta = LayerMeta("/a", 7)
    async with open_cache(url) as cache:
        await cache.put(background(), "library/a", "sha256:00", meta)
        assert await cache.stat(background(), "library/a", "sha256:00") == meta


async def test_who_shows_nothing(trusting: str, make_link: MakeLink) -> None:
    """A client that has no certificate is refused, which is reported as unavailability."""
    with pytest.raises(BackendUnavailableError):
        await make_link(trusting).ready()


async def test_a_server_that_is_lost_and_found(server: RedisServer, url: str, make_link: MakeLink) -> None:
    """Two hundred tasks are answered over TLS, by connections that are ended and a server that is killed."""
    link = make_link(url, heartbeat=10.0)
    await fill(link)
    async with Readers(link) as clients:
        for _ in range(3):
            server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await clients.more("answer")
        server.kill()
        await clients.more("BackendUnavailableError")
        server.start()
        await clients.more("answer")


# ---- the name in a certificate; redis-py looks at it by default from 6.0 on

LOOKED_AT = ["", "&ssl_check_hostname=true", "&ssl_cert_reqs=required", "&ssl_cert_reqs=optional"]
NOT_LOOKED_AT = ["&ssl_check_hostname=false", "&ssl_check_hostname=False", "&ssl_cert_reqs=none"]


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate that is trusted, and is for another host."""
    return Certificate(tmp_path_factory.mktemp("another"), "DNS:another.example,IP:192.0.2.1")


@pytest.fixture
def impostor(redis_directory: Path, another: Certificate, tls_port: int) -> Iterator[RedisServer]:
    """A server that shows the certificate of another."""
    with speaking_tls(redis_directory, another, tls_port, "--tls-auth-clients", "no") as server:
        yield server


@pytest.mark.usefixtures("impostor")
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("options", LOOKED_AT)
async def test_the_name_of_another(
    another: Certificate, tls_port: int, make_link: MakeLink, host: str, options: str
) -> None:
    """A server whose certificate is for another host is not talked to, whatever the version of redis-py."""
    link = make_link(f"rediss://{host}:{tls_port}?ssl_ca_certs={another.file}{options}")
    with pytest.raises(BackendUnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        await link.ready()


@pytest.mark.usefixtures("impostor")
@pytest.mark.parametrize("options", NOT_LOOKED_AT)
async def test_a_name_that_is_not_looked_at(
    another: Certificate, tls_port: int, make_link: MakeLink, options: str
) -> None:
    """The name, or the whole certificate, is not checked where a setting turns that off."""
    link = make_link(f"rediss://localhost:{tls_port}?ssl_ca_certs={another.file}{options}")
    assert await (await link.ready()).call(pack("PING")) == b"PONG"


@pytest.mark.usefixtures("impostor")
@pytest.mark.parametrize("is_looked_at", [None, True, False])
async def test_the_name_by_the_settings_of_a_pool(
    another: Certificate, tls_port: int, make_link: MakeLink, is_looked_at: bool | None
) -> None:
    """The settings of a pool have the same effect."""
    pool = ConnectionPool(SSLConnection, host="localhost", port=tls_port, ssl_ca_certs=str(another.file))
    if is_looked_at is not None:
        pool.connection_kwargs["ssl_check_hostname"] = is_looked_at
    link = make_link(Handshake(pool))
    if is_looked_at is False:
        await link.ready()
    else:
        with pytest.raises(BackendUnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
            await link.ready()
