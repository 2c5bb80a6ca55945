"""How much memory a walk takes."""

import json
import subprocess
import sys

from tests.house.sources import ROOT
from tests.servers import RedisServer
from tests.storage.growing import FILL


def growth(server: RedisServer, layers: int) -> float:
    """By how many MiB a process grows that walks so many layers, two entries each."""
    server.ask("FLUSHALL")
    server.ask("EVAL", FILL, 0, layers)
    command = [sys.executable, "-m", "tests.storage.growing", server.url, str(layers)]
    told = json.loads(subprocess.check_output(command, cwd=ROOT))
    assert (told["known"], told["stale"]) == (2 * layers, 0)
    return float(told["growth"])


def test_memory_is_bounded(redis_server: RedisServer) -> None:
    """Two hundred thousand entries take less than 20 MiB, and hardly more than a quarter of them."""
    few, many = growth(redis_server, 25_000), growth(redis_server, 100_000)
    assert many < 20
    assert many < few + 5
