"""The servers that registries run under, as real processes: their workers, and how they end."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.conftest import SERVERS
from tests.servers import RedisServer, free_port

HERE = Path(__file__).parent
LEASE = "{repository::library/a::blobs}::lease::sha256:00"
MEMBERS = "repository::library/a::blobs"
SECONDS = 60.0

# What is held here is the client's: one server will do.
pytestmark = pytest.mark.parametrize("redis_program", [next(iter(SERVERS.values()))], indirect=True)

Command = Callable[[int], list[str]]


def uvicorn(port: int) -> list[str]:
    """What starts uvicorn; its workers are spawned, and forked from nobody."""
    return ["uvicorn", "--app-dir", str(HERE), "--port", str(port), "serving:app"]


def gunicorn(port: int) -> list[str]:
    """What starts gunicorn, whose workers are forked."""
    where = ["--chdir", str(HERE), "--bind", f"127.0.0.1:{port}"]
    return ["gunicorn", *where, "--worker-class", "asgi", "--no-control-socket", "serving:app"]


class Serving:
    """A server that runs."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self.process = process
        self.port = port

    @contextmanager
    def get(self, path: str) -> Iterator[http.client.HTTPResponse]:
        """The beginning of the answer to a request, when the server is there."""
        end = time.monotonic() + SECONDS
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
            with closing(connection), suppress(ConnectionRefusedError):
                connection.request("GET", path)
                yield connection.getresponse()
                return
            assert time.monotonic() < end
            assert self.process.poll() is None

    def ask(self) -> tuple[int, object]:
        """Which process answered, and what its cache said."""
        with self.get("/ask") as response:
            process, told = json.loads(response.read())
        return process, told


@contextmanager
def serving(command: Command, redis_url: str, *options: str, **environment: str) -> Iterator[Serving]:
    """Run a server for the length of the block."""
    port = free_port()
    words = [sys.executable, "-m", *command(port), *options]
    process = subprocess.Popen(words, env=os.environ | {"CACHE": redis_url} | environment)
    try:
        yield Serving(process, port)
    finally:
        process.terminate()
        process.wait(SECONDS)


def two_workers(server: Serving) -> dict[int, object]:
    """What the caches of two workers said."""
    told: dict[int, object] = {}
    end = time.monotonic() + SECONDS
    while len(told) < 2:
        told |= [server.ask()]
        assert time.monotonic() < end
    return told


@pytest.mark.parametrize(
    ("command", "options"),
    [(uvicorn, ()), (gunicorn, ()), (gunicorn, ("--preload",))],
    ids=["uvicorn", "gunicorn", "gunicorn, preloaded"],
)
@pytest.mark.parametrize("near", ["", "?near=1000"], ids=["far", "near and far"])
def test_workers(redis_server: RedisServer, command: Command, options: tuple[str, ...], near: str) -> None:
    """A cache that is made at import, and first used in a worker, is each worker's own."""
    with serving(command, redis_server.url + near, "--workers", "2", *options) as server:
        assert set(two_workers(server).values()) == {7}


def test_a_cache_that_was_used_before_the_workers_were_forked(redis_server: RedisServer) -> None:
    """What was used in a preloaded application says in each worker what to do."""
    with serving(gunicorn, redis_server.url, "--workers", "2", "--preload", USE_AT_IMPORT="1") as server:
        for told in two_workers(server).values():
            assert str(told).startswith("EventLoopError: ")
            assert "make the cache after the fork" in str(told)


def test_a_cache_that_was_used_before_its_server_ran(redis_server: RedisServer) -> None:
    """What was used in a loop before the server's says in the server's what to do."""
    with serving(uvicorn, redis_server.url, USE_AT_IMPORT="1") as server:
        assert "make a cache for each event loop" in str(server.ask()[1])


@pytest.mark.parametrize("near", ["", "?near=1000"], ids=["far", "near and far"])
@pytest.mark.parametrize(
    ("options", "signals"),
    [(("--timeout-graceful-shutdown", "1"), 1), ((), 2)],
    ids=["after its patience", "at a second SIGINT"],
)
def test_a_removal_that_a_shutdown_interrupts(
    redis_server: RedisServer, options: tuple[str, ...], signals: int, near: str
) -> None:
    """The end of a bracket is sent although its server gives up the handler: its marker does not stay."""
    with serving(uvicorn, redis_server.url + near, *options) as server, server.get("/remove") as response:
        assert response.readline() == b"begun\n"
        marker = redis_server.ask("GET", LEASE)
        assert marker
        redis_server.ask("SADD", MEMBERS, "sha256:00")
        for _ in range(signals):
            server.process.send_signal(signal.SIGINT)
            time.sleep(0.2)  # Two that come at once are one.
        server.process.wait(SECONDS)
    assert redis_server.ask("GET", LEASE) != marker
    assert redis_server.ask("SISMEMBER", MEMBERS, "sha256:00") == 0
