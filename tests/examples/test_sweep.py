"""The sweep as a program: what it deletes, what it refuses, and how it ends."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from layercache.storage.layout import data_path
from tests.examples.registries import EXAMPLES
from tests.storage.trees import Tree

V2 = "docker/registry/v2"


def run(root: Path | str) -> subprocess.CompletedProcess[str]:
    """Sweep below *root*."""
    command = [sys.executable, str(EXAMPLES / "sweep.py"), "--root", str(root), "--cache", "memory://"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A tree with a layer, a manifest and a blob of nobody's."""
    tree = Tree(tmp_path.as_uri())
    tree.layer("x", b"layer")
    tree.manifest("x", "1.0", b"{}")
    tree.blob(b"nobody's")
    return tree


def blobs(root: Path) -> int:
    """How many blobs are there."""
    return len(list((root / V2 / "blobs").glob("*/*/*/data")))


def test_sweep(tree: Tree, tmp_path: Path) -> None:
    """What nobody has is deleted and told, and all else stays."""
    dgst = tree.blob(b"nobody's")
    done = run(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{dgst}\n", "")
    assert not tree.has(data_path(dgst))
    assert blobs(tmp_path) == 2
    assert run(tmp_path).stdout == ""


def empty(folder: Path) -> None:
    """Have *folder*, with nothing in it: something is mounted there usually."""
    folder.rename(folder.parent.parent / "unmounted")
    folder.mkdir()


def without_links(folder: Path) -> None:
    """Have all of *folder* but the links."""
    for link in folder.rglob("link"):
        link.unlink()


def closed(folder: Path) -> None:
    """Have a repository that is not mounted."""
    (folder / "y").symlink_to(folder / "not mounted")


@pytest.mark.parametrize(
    "half",
    [lambda folder: folder.rename(folder.parent / "elsewhere"), empty, without_links, closed],
    ids=["missing", "empty", "no links", "a repository"],
)
def test_half_of_a_tree(tree: Tree, tmp_path: Path, half: Callable[[Path], object]) -> None:
    """Where repositories are not there, not one blob is deleted, and the program says why and fails."""
    half(tmp_path / V2 / "repositories")
    done = run(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "repositories" in done.stderr
    assert "Traceback" not in done.stderr
    assert blobs(tmp_path) == 3


@pytest.mark.parametrize("root", ["", "docker"])
def test_no_tree(tmp_path: Path, root: str) -> None:
    """Where there is no tree at all, the program says so and fails."""
    (tmp_path / root).mkdir(exist_ok=True)
    done = run(tmp_path / root)
    assert done.returncode == 1
    assert "no registry's tree" in done.stderr


def test_strays(tree: Tree, tmp_path: Path) -> None:
    """What programs leave among the blobs is passed over and told, and ends nothing."""
    for name in (b".DS_Store", b"sha256/.nfs0001", b"sha256/ab/lost+found", b"sha256/bad\xff"):
        stray = tmp_path / V2 / "blobs" / os.fsdecode(name)
        stray.parent.mkdir(exist_ok=True)
        stray.touch()
    done = run(tmp_path)
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1
    assert "passed over 4 files" in done.stderr
    assert ".nfs0001" in done.stderr


def test_secret(tmp_path: Path) -> None:
    """A URL that cannot be opened is told without what lets one in."""
    done = run("ftp://user:s3cr3t@host/path")
    assert done.returncode == 1
    assert "not a storage URL" in done.stderr
    assert "s3cr3t" not in done.stderr


def test_every_run_ends_well(tree: Tree) -> None:
    """Threads of the driver do not abort the program at its end, not once in many runs at a time."""
    root = tree.url.removeprefix("file://")
    with ThreadPoolExecutor(4) as pool:
        codes = [done.returncode for done in pool.map(run, [root] * 24)]
    assert codes == [0] * 24
