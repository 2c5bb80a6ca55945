"""How much memory a walk takes."""

import json
import subprocess
import sys

import pytest

from tests.project.sources import ROOT
from tests.servers import RedisServer
from tests.storage.growing import FILLS


def growth(server: RedisServer, shape: str, count: int, *, filled: str, known: int, stale: int = 0) -> float:
    """By how many MiB a process grows that walks what is *filled*, with a source of *shape*."""
    server.ask("FLUSHALL")
    server.ask("EVAL", FILLS[filled], 0, count)
    command = [sys.executable, "-m", "tests.storage.growing", server.url, shape, str(count)]
    told = json.loads(subprocess.check_output(command, cwd=ROOT))
    assert (told["known"], told["stale"]) == (known, stale)
    return float(told["growth"])


def test_memory_is_bounded(redis_server: RedisServer) -> None:
    """Two hundred thousand entries take less than 20 MiB, and hardly more than a quarter of them."""
    few = growth(redis_server, "layers", 25_000, filled="layers", known=50_000)
    many = growth(redis_server, "layers", 100_000, filled="layers", known=200_000)
    assert many < 20
    assert many < few + 5


@pytest.mark.parametrize("shape", ["repositories", "nothing"])
def test_memory_is_not_bounded_by_parts(redis_server: RedisServer, shape: str) -> None:
    """Nor do a hundred thousand repositories take much more that have one layer, or falsely claim to."""
    count = 100_000
    stale = count + 1 if shape == "nothing" else 0
    assert growth(redis_server, shape, count, filled="repositories", known=count + 1, stale=stale) < 50
