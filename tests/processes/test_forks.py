"""A process that is forked: who has the connection, and which error the other gets."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import SERVERS
from tests.servers import RedisServer

PROGRAM = Path(__file__).with_name("forked.py")
SECONDS = 60.0

# What is held here is the client's: one server will do.
pytestmark = pytest.mark.parametrize("redis_program", [next(iter(SERVERS.values()))], indirect=True)


def run(url: str, *words: str) -> dict[str, dict[str, int]]:
    """The outcomes that parent and child got, by who it was."""
    command: list[str | Path] = [
        sys.executable,
        "-W",
        "error",
        "-W",
        "ignore:This process:DeprecationWarning",
        PROGRAM,
        url,
        *words,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(line) for line in done.stdout.splitlines())


@pytest.mark.parametrize("way", ["paused", "running", "multiprocessed"])
@pytest.mark.parametrize(
    ("cache", "loop"),
    [("redis", "asyncio"), ("redis", "uvloop"), ("near", "uvloop"), ("readthrough", "asyncio")],
)
def test_a_used_cache_is_the_parents(redis_server: RedisServer, cache: str, loop: str, way: str) -> None:
    """After a fork each question of the child gets a clear error, and the parent's answers stay right."""
    outcomes = run(redis_server.url, cache, loop, way)
    assert outcomes["parent"].keys() == {"right"}
    [(error, count)] = outcomes["child"].items()
    assert count == 100
    assert error.startswith("EventLoopError: the Redis cache of ")
    assert "make the cache after the fork" in error


@pytest.mark.parametrize("cache", ["redis", "near", "readthrough"])
def test_an_unused_cache_is_each_processs_own(redis_server: RedisServer, cache: str) -> None:
    """A cache that was made before a fork, and not used, works in parent and child."""
    outcomes = run(redis_server.url, cache, "asyncio", "unused")
    assert outcomes["parent"].keys() == {"right"}
    assert outcomes["child"] == {"right": 100}


@pytest.mark.parametrize("way", ["paused", "multiprocessed"])
def test_memory_is_copied(redis_server: RedisServer, way: str) -> None:
    """What a MemoryCache knows is in a forked child, too, and from then on each has its own."""
    outcomes = run(redis_server.url, "memory", "asyncio", way)
    assert outcomes["child"] == {"right": 100}
