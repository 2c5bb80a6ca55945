"""A server that speaks TLS itself, and asks for certificates: Debian's can, the wheel's cannot."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from layercache import LayerMeta, background, open_cache
from layercache.errors import BackendUnavailableError
from tests.redis.certificates import Certificate
from tests.redis.conftest import MakeLink
from tests.redis.crowd import Readers, fill
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
    program = which("redis-server")
    assert program is not None
    files = ["--tls-cert-file", certificate.file, "--tls-key-file", certificate.key]
    trust = ["--tls-ca-cert-file", certificate.file, "--tls-port", tls_port]
    options = map(str, [*files, *trust, "--appendonly", "yes"])
    with running(program, redis_directory, *options) as server:
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
    """A cache that is opened by a URL of TLS remembers what it is told."""
    meta = LayerMeta("/a", 7)
    async with open_cache(url) as cache:
        await cache.put(background(), "library/a", "sha256:00", meta)
        assert await cache.stat(background(), "library/a", "sha256:00") == meta


async def test_who_shows_nothing(trusting: str, make_link: MakeLink) -> None:
    """Who has no certificate to show is refused, which is told as unavailability."""
    with pytest.raises(BackendUnavailableError):
        await make_link(trusting).ready()


async def test_a_server_that_is_lost_and_found(server: RedisServer, url: str, make_link: MakeLink) -> None:
    """Two hundred tasks are answered over TLS, by connections that are ended and a server that is killed."""
    link = make_link(url, heartbeat=10.0)
    await fill(link)
    async with Readers(link) as crowd:
        for _ in range(3):
            server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await crowd.more("answer")
        server.kill()
        await crowd.more("BackendUnavailableError")
        server.start()
        await crowd.more("answer")
