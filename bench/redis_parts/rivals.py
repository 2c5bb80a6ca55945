"""The processes that are measured: one per contender, and the Go registry's own cache where Go is."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Protocol

Figures = dict[str, float]
GO_SOURCE = Path(__file__).parent / "go" / "main.go"
GO_PATH = "/usr/share/gocode"  # where Debian's golang-github-docker-distribution-dev lies


class Rival(Protocol):
    """Somebody to be measured."""

    name: str

    def measure(self, operation: str, tasks: int, seconds: float) -> Figures | None:
        """One cell; None if there is no such operation."""

    def stop(self) -> None:
        """End what runs."""


class PythonRival:
    """A contender in its worker process."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.redis_parts.worker", name, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def measure(self, operation: str, tasks: int, seconds: float) -> Figures | None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{operation} {tasks} {seconds}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with {self._process.wait()}")
        figures: Figures | None = json.loads(line)
        return figures

    def stop(self) -> None:
        self._process.communicate()


class GoRival:
    """The cache of the Go registry, as Debian packages it: `stat` is its repository-scoped Stat.

    The registry has its pool send a PING whenever a connection is borrowed; to
    be fair to the cache by itself, it is measured without that, too.
    """

    def __init__(self, program: Path, port: int, *, is_pinging: bool) -> None:
        self.name = "Go registry's cache" + ("" if is_pinging else ", no PING")
        self._command = [str(program), f"127.0.0.1:{port}"]
        self._options = ["ping"] if is_pinging else []

    def measure(self, operation: str, tasks: int, seconds: float) -> Figures | None:
        if operation != "stat":
            return None
        command = [*self._command, str(tasks), str(seconds), *self._options]
        figures: Figures = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return figures

    def stop(self) -> None:
        """Nothing runs between two cells."""


def build_go(folder: Path) -> Path | None:
    """The Go program, built into *folder*; None, and why, if this machine cannot."""
    if shutil.which("go") is None or not Path(GO_PATH).is_dir():
        print("The Go registry's cache is left out: Debian's golang-go and")
        print("golang-github-docker-distribution-dev are not installed.\n")
        return None
    program = folder / "go-registry-cache"
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": GO_PATH, "GOCACHE": str(folder / "go-cache")}
    subprocess.run(["go", "build", "-o", str(program), str(GO_SOURCE)], check=True, env=environment)
    return program
