"""The demo, as a person runs it."""

import re
import subprocess
import sys
from pathlib import Path

from layercache.storage.layout import data_path
from tests.examples.registries import EXAMPLES
from tests.servers import RedisServer
from tests.storage.trees import Tree

DEMO = [sys.executable, str(EXAMPLES / "demo.py")]
LAYER = b"layer"


def run(*options: str) -> "subprocess.CompletedProcess[str]":
    """Run the demo to its end."""
    return subprocess.run([*DEMO, *options], check=False, capture_output=True, text=True, timeout=60)


def image(folder: Path) -> Tree:
    """A tree with an image of one layer behind an index."""
    tree = Tree(folder.as_uri())
    layer = tree.layer("x/y", LAYER)
    config = tree.layer("x/y", b"{}")
    manifest = tree.manifest(
        "x/y",
        "inner",
        f'{{"config": {{"digest": "{config}"}}, "layers": [{{"digest": "{layer}"}}]}}'.encode(),
    )
    tree.manifest("x/y", "1.0", f'{{"manifests": [{{"digest": "{manifest}"}}]}}'.encode())
    return tree


def test_demo_shows_what_the_cache_saved() -> None:
    """By itself it pulls twice: what the source answered once, the cache answers, but for a HEAD."""
    outcome = run()
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert "every digest right" in outcome.stdout
    time = r"+\d+\.\d{3} ms"
    assert re.search(rf"^GET manifest +1 {time} +1 {time}$", outcome.stdout, re.MULTILINE)
    assert re.search(rf"^HEAD blob +8 {time} +0 +-$", outcome.stdout, re.MULTILINE)
    assert re.search(rf"^GET blob +0 +- +8 {time}$", outcome.stdout, re.MULTILINE)


def test_demo_of_a_tree(tmp_path: Path) -> None:
    """It pulls from any tree, also what an index names."""
    image(tmp_path)
    outcome = run("--root", str(tmp_path), "--image", "x/y:1.0")
    assert outcome.returncode == 0
    assert "2 pulls of x/y:1.0" in outcome.stdout


def test_demo_with_a_redis(tmp_path: Path, redis_server: RedisServer) -> None:
    """What one run has asked the storage, the next one knows from Redis."""
    image(tmp_path)
    options = ("--root", str(tmp_path), "--cache", redis_server.url)
    first, second = run(*options), run(*options)
    assert re.search(r"^GET manifest +1 .* 1 ", first.stdout, re.MULTILINE)
    assert re.search(r"^GET manifest +0 .* 2 ", second.stdout, re.MULTILINE)


def test_demo_of_a_broken_tree(tmp_path: Path) -> None:
    """A digest that is wrong ends it with an error."""
    tree = image(tmp_path)
    layer = tree.layer("x/y", LAYER)
    tree.write(data_path(layer), b"other")
    outcome = run("--root", str(tmp_path))
    assert outcome.returncode != 0
    assert f"is not {layer}" in outcome.stderr


def test_demo_of_nothing(tmp_path: Path) -> None:
    """Where there is no image, it says so."""
    outcome = run("--root", str(tmp_path))
    assert outcome.returncode != 0
    assert "no image" in outcome.stderr
