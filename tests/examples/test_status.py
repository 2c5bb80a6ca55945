"""The status page, as a browser shows it."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.examples.registries import Client, example
from tests.servers import RedisServer

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


def test_status_page(tmp_path: Path, own_server: RedisServer) -> None:
    """A person sees the hits, the misses, what the storage was asked, and how the link to the Redis is."""
    with example(str(tmp_path), own_server.url) as client:
        dgst = client.push("x", b"blob")
        own_server.ask("FLUSHALL")
        for _ in range(3):
            client.head(f"/v2/x/blobs/{dgst}")
        before = shown(client, tmp_path / "before")
        own_server.kill()
        client.head(f"/v2/x/blobs/{dgst}")
        after = shown(client, tmp_path / "after")
    assert (before["hits"], before["misses"], before["questions"], before["fills"]) == ("2", "1", "1", "1")
    assert (before["failures"], before["last-failure"]) == ("0", "none")
    assert "Link up" in before["cache"]
    assert after["failures"] != "0"
    assert after["last-failure"].startswith(("stat:", "lease:"))
    assert "Link up" not in after["cache"]
