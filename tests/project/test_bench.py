"""The benchmarks in an environment that lacks what they need."""

import importlib.util
import shlex
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from bench.__main__ import benchmarks
from bench.peers import missing
from tests.project.sources import ROOT

NEEDS = {
    "memory": {"aiocache", "cachebox", "cachetools", "cashews[redis]"},
    "near": {"cashews[redis]", "coredis"},
    "reconcile": {"obstore"},
    "redis": {"aiocache", "cashews[redis]", "coredis", "valkey-glide"},
    "registry": {"fastapi", "psutil", "uvicorn"},
}
PEERS = NEEDS["memory"] | NEEDS["near"] | NEEDS["redis"]


@pytest.fixture(scope="session")
def empty_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an empty environment."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True, with_pip=False)
    return folder / "bin/python"


def run(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run *command* in the checkout."""
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_benchmark_is_listed() -> None:
    """`NEEDS` has every benchmark."""
    assert sorted(NEEDS) == benchmarks()


@pytest.mark.parametrize("name", NEEDS)
def test_says_what_to_install(name: str, empty_python: Path) -> None:
    """A benchmark that lacks packages fails with one line: the command that installs them."""
    ended = run(empty_python, "-m", f"bench.{name}")
    (line,) = ended.stderr.splitlines()
    command = shlex.split(line.partition("; install it: ")[2])
    assert ended.returncode == 1
    assert command[:4] == [str(empty_python), "-m", "pip", "install"]
    assert NEEDS[name] <= set(command)
    assert (PEERS - NEEDS[name]).isdisjoint(command)


def test_all_benchmarks_run(empty_python: Path) -> None:
    """`python -m bench` goes on after a benchmark that lacks packages, and fails at the end."""
    ended = run(empty_python, "-m", "bench")
    assert ended.returncode == len(NEEDS)
    assert [line.split()[0] for line in ended.stderr.splitlines()] == list(NEEDS)


def test_names_only_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that is installed, or that only another benchmark needs, is not named."""
    absent = {"cachebox", "coredis"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else sys.__spec__)
    assert missing(ROOT / "bench/memory.py") == {"cachebox"}
    assert missing(ROOT / "bench/near.py") == {"coredis"}


def test_other_failures_are_shown(empty_python: Path) -> None:
    """An import that fails for another reason shows its traceback."""
    ended = run(empty_python, "-c", "import bench, asyncio.nothing")
    assert "Traceback" in ended.stderr
