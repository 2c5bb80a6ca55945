"""Servers that a storage source may meet: one that speaks S3, and worse ones."""

import asyncio
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

STARTING_SECONDS = 30.0


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def running(
    command: list[str], port: int, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run *command* from the moment that it listens on *port* to the end of the block."""
    with subprocess.Popen(command, env=env) as process:
        try:
            await_listening(process, port)
            yield process
        finally:
            process.terminate()


def await_listening(process: subprocess.Popen[bytes], port: int) -> None:
    """Return once somebody listens on *port*."""
    end = time.monotonic() + STARTING_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
            assert time.monotonic() < end, f"{process.args!r} does not listen on {port}"
            time.sleep(0.02)  # A foreign process tells nobody that it listens.
        else:
            return


class S3:
    """An S3-compatible server on the loopback interface."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self._buckets = 0

    def new_bucket(self) -> str:
        """The name of a bucket that nobody else uses."""
        self._buckets += 1
        name = f"bucket-{self._buckets}"
        urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/{name}", method="PUT")).close()
        return name

    @property
    def options(self) -> dict[str, object]:
        """What opens a bucket of this server."""
        return s3_options(self.endpoint)


def s3_options(endpoint: str) -> dict[str, object]:
    """What opens a bucket of a server at *endpoint*, which is asked once and not again."""
    return {
        "endpoint": endpoint,
        "region": "us-east-1",
        "access_key_id": "access",
        "secret_access_key": "secret",
        "client_options": {"allow_http": True},
        "retry_config": {"max_retries": 0},
    }


@contextmanager
def running_s3() -> Iterator[S3]:
    """Run an S3-compatible server; what it is given, it has in memory."""
    port = free_port()
    with running([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port):
        yield S3(port)


class Answering:
    """A server that gives the same answer to the first request of every connection."""

    def __init__(self, answer: bytes) -> None:
        self.url = ""
        self.asked = asyncio.Event()
        self.paths: list[str] = []
        self._answer = answer
        self._connections: list[tuple[asyncio.Task[None] | None, asyncio.StreamWriter]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self._connections.append((asyncio.current_task(), writer))
        request = await reader.readuntil(b"\r\n\r\n")
        self.paths.append(request.split()[1].decode())
        writer.write(self._answer)
        self.asked.set()
        await reader.read()

    async def hang_up(self) -> None:
        """End all connections."""
        for _, writer in self._connections:
            writer.close()
        await asyncio.gather(*(task for task, _ in self._connections if task), return_exceptions=True)


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[Answering]:
    """Run a server that answers *answer*; an empty one means that it hangs."""
    answers = Answering(answer)
    async with await asyncio.start_server(answers.serve, "127.0.0.1", 0) as server:
        answers.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield answers
        await answers.hang_up()
