"""The status page, as a browser shows it."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.examples.registries import Client, example
from tests.servers import RedisServer
from tests.storage.trees import ABSENT

pytestmark = pytest.mark.programs("chromium")

CHROMIUM = [
    "chromium",
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-component-update",
    "--disable-background-networking",
    "--dump-dom",
]


def shown(client: Client, profile: Path) -> dict[str, str]:
    """What Chromium makes of the page: the text of each cell that has a name."""
    command = [*CHROMIUM, f"--user-data-dir={profile}", f"http://{client.host}/"]
    page = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert "<title>layercache registry</title>" in page
    return dict(re.findall(r'<td id="([a-z-]+)">(.*?)</td>', page))


def test_memory(tmp_path: Path) -> None:
    """A person sees the hits and the misses of a cache in memory, and that all is answered near."""
    with example(str(tmp_path), heads="cached") as client:
        assert shown(client, tmp_path / "before")["hits"] == "0"
        dgst = client.push("x", b"blob")
        for wanted in (dgst, dgst, ABSENT):
            client.head(f"/v2/x/blobs/{wanted}")
        page = shown(client, tmp_path / "after")
    assert (page["hits"], page["misses"], page["questions"], page["fills"]) == ("2", "1", "1", "0")
    assert (page["near"], page["far"]) == ("3", "0")
    assert page["last-invalidation"].startswith("none")


def test_redis(tmp_path: Path, own_server: RedisServer) -> None:
    """A person sees the hits, the misses, what the storage was asked, and how the link to the Redis is."""
    with example(str(tmp_path), own_server.url, heads="cached") as client:
        dgst = client.push("x", b"blob")
        own_server.ask("FLUSHALL")
        for _ in range(3):
            client.head(f"/v2/x/blobs/{dgst}")
        before = shown(client, tmp_path / "before")
        own_server.kill()
        client.head(f"/v2/x/blobs/{dgst}")
        after = shown(client, tmp_path / "after")
    assert (before["hits"], before["misses"], before["questions"], before["fills"]) == ("2", "1", "1", "1")
    assert (before["near"], before["far"]) == ("0", "3")
    assert (before["failures"], before["last-failure"]) == ("0", "none")
    assert "Link up" in before["cache"]
    assert after["failures"] != "0"
    assert after["last-failure"].startswith(("stat:", "lease:"))
    assert "Link up" not in after["cache"]


def test_tiered(tmp_path: Path, own_server: RedisServer) -> None:
    """A person sees what was answered near and what far, what changed last, and whether near is trusted."""
    with example(str(tmp_path), f"{own_server.url}?near=1000", heads="cached") as client:
        dgst = client.push("x", b"blob")
        for _ in range(5):
            client.head(f"/v2/x/blobs/{dgst}")
        before = shown(client, tmp_path / "before")
        own_server.ask("DEL", f"blobs::{dgst}")
        client.head(f"/v2/x/blobs/{ABSENT}")  # The answer comes after the push.
        after = shown(client, tmp_path / "after")
        own_server.kill()
        client.head(f"/v2/x/blobs/{dgst}")
        alone = shown(client, tmp_path / "alone")
    assert (before["hits"], before["near"], before["far"]) == ("5", "4", "1")
    assert "trusted" in before["cache"]
    assert "Link up" in before["cache"]
    assert (after["hits"], after["misses"]) == ("5", "1")
    assert re.fullmatch(rf"blobs::{dgst}, \d+\.\d s ago", after["last-invalidation"])
    assert "silent" in alone["cache"]
    assert "Link up" not in alone["cache"]
