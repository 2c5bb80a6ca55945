"""What lies in a tree and no registry has put there: it is passed over, told, and hides nothing beside it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from layercache.backends.memory import MemoryCache
from layercache.context import background
from layercache.errors import BackendUnavailableError
from layercache.storage.files import files, folders
from tests.storage.trees import Tree
from tests.storage.worlds import World

CTX = background()
Make = Callable[[Path], object]


def file(name: bytes) -> Make:
    """A file of that name."""
    return lambda folder: Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).touch()


def folder(name: bytes) -> Make:
    """A folder of that name, with a file in it."""

    def make(folder: Path) -> None:
        inner = Path(os.fsdecode(os.fsencode(folder) + b"/" + name))
        inner.mkdir()
        (inner / "file").touch()

    return make


def link(name: str, target: Callable[[Path], Path]) -> Make:
    """A symbolic link of that name."""
    return lambda folder: (folder / name).symlink_to(target(folder))


def pair_of_links(folder: Path) -> None:
    """Two links that lead to one another."""
    (folder / "one").symlink_to(folder / "two")
    (folder / "two").symlink_to(folder / "one")


# For the names that programs leave behind, and those that obstore cannot write as a path.
STRAYS: dict[str, Make] = {
    "not-utf8": file(b"bad\xff"),
    "folder-not-utf8": folder(b"bad\xff"),
    "newline": file(b"a\nsha256:00\tx"),
    "folder-newline": folder(b"a\nb"),
    "tab": folder(b"a\tb"),
    "control": file(b"a\x01\x7f"),
    "nfs": file(b".nfs0000000001"),
    "finder": file(b".DS_Store"),
    "lost": file(b"lost+found"),
    "editor": file(b"link~"),
    "staged": file(b"data#1"),
    "blank": folder(b"a b"),
    "upper-case": folder(b"SHA256"),
    "long": file(b"x" * 255),
    "dots": folder(b"..."),
    "accent": folder("é".encode()),
    "loop": link("loop", lambda folder: folder),
    "loop-above": link("loop", lambda folder: folder.parent),
    "loop-root": link("loop", lambda _: Path("/")),
    "self": link("self", lambda folder: folder / "self"),
    "pair": pair_of_links,
    "lock": link(".#link", lambda _: Path("user@host.1")),
    "pipe": lambda folder: os.mkfifo(folder / "pipe"),
}

PLACES = [
    "blobs",
    "blobs/sha256",
    "blobs/sha256/{dgst:.2}",
    "blobs/sha256/{dgst:.2}/{dgst}",
    "repositories",
    "repositories/x",
    "repositories/x/_layers",
    "repositories/x/_layers/sha256",
    "repositories/x/_layers/sha256/{dgst}",
    "repositories/x/_manifests/tags",
]


@pytest.fixture
def memory_world(tmp_path: Path) -> World:
    """A tree on disk and a cache in memory."""
    return World(Tree(tmp_path.as_uri()), MemoryCache())


@pytest.mark.parametrize("stray", STRAYS)
async def test_stray(memory_world: World, tmp_path: Path, stray: str) -> None:
    """Whatever lies everywhere in a tree, a walk finds what it would have found, and so does a sweep."""
    world = memory_world
    dgst, stale = await world.layer("x", b"layer"), await world.stale("x", b"stale")
    world.tree.manifest("x", "1.0", b"{}")
    nobodys = world.tree.blob(b"nobody's")
    _, before = await world.walk()
    for place in PLACES:
        STRAYS[stray](tmp_path / "docker/registry/v2" / place.format(dgst=dgst.encoded))
    told, report = await world.walk()
    assert {found.dgst for found in told if found.kind == "stale"} == {stale}
    assert report[:-2] == before[:-2]
    assert await world.source.contains(CTX, "x", dgst)
    unused = await world.source.unused(CTX)
    assert list(unused.blobs) == [nobodys]
    assert report.passed_over == unused.passed_over >= len(PLACES)
    assert all(name.isprintable() for name in (*report.strays, *unused.strays))


async def test_names_are_told_with_escapes(memory_world: World, tmp_path: Path) -> None:
    """A report names the first twenty strays so that they can be printed, and counts them all."""
    await memory_world.layer("x", b"layer")
    for number in range(30):
        (tmp_path / f"docker/registry/v2/repositories/a\n\udcff{number}").touch()
    _, report = await memory_world.walk()
    assert (report.passed_over, len(report.strays)) == (30, 20)
    assert all(r"repositories/a\n\udcff" in name for name in report.strays)


async def test_folders_are_followed(memory_world: World, tmp_path: Path) -> None:
    """A link to a folder that lies elsewhere is a part of the tree."""
    dgst = await memory_world.layer("x", b"layer")
    repositories = tmp_path / "docker/registry/v2/repositories"
    (repositories / "x").rename(tmp_path / "elsewhere")
    (repositories / "x").symlink_to(tmp_path / "elsewhere")
    assert (await memory_world.walk())[0] == []
    assert (await memory_world.source.unused(CTX)).blobs == []
    assert await memory_world.source.contains(CTX, "x", dgst)


@pytest.mark.parametrize("name", ["x", "x/_layers", "x/_layers/sha256"])
async def test_folder_that_is_not_mounted(memory_world: World, tmp_path: Path, name: str) -> None:
    """A link to a folder that is not there is an error, which names it, and not an empty folder."""
    await memory_world.layer("x", b"layer")
    await memory_world.layer("y", b"layer")
    folder = tmp_path / "docker/registry/v2/repositories" / name
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "not mounted")
    with pytest.raises(BackendUnavailableError, match=f"repositories/{name}.*what is not there"):
        await memory_world.walk(fix=True)
    with pytest.raises(BackendUnavailableError):
        await memory_world.source.unused(CTX)


async def test_folder_that_vanishes_is_no_error(memory_world: World, tmp_path: Path) -> None:
    """A folder that is deleted while its parent is read, is passed over in silence."""
    await memory_world.layer("x", b"layer")
    store = memory_world.source.store
    assert [some async for some in files(store, "docker/registry/v2/repositories/gone")] == []
    assert await folders(store, "docker/registry/v2/repositories/gone") == []
    assert await folders(store, "docker/registry/v2/repositories") == ["x"]


PROGRAM = """if True:
    import asyncio, os, sys
    from layercache import BackendError, MemoryCache, background
    from layercache.reconcile import Reconciler
from layercache.storage import StorageSource
    if os.geteuid() == 0:  # Nothing is closed to root.
        os.setegid(65534); os.seteuid(65534)
    source = StorageSource(sys.argv[1])
    for question in (Reconciler(MemoryCache(), source).run(background()), source.unused(background())):
        try:
            print(asyncio.run(question).passed_over)
        except BackendError as error:
            print(error)
"""


@pytest.mark.parametrize(
    ("name", "is_stray"),
    [
        ("repositories/y", False),
        ("repositories/x/_layers", False),
        ("repositories/lost+found", True),
        ("blobs/lost+found", True),
        ("repositories/x/.trash", True),
    ],
)
def test_folder_that_may_not_be_read(tmp_path: Path, name: str, is_stray: bool) -> None:
    """A folder that may not be read is an error where a registry's files could be in it, and else a stray."""
    tree = Tree(tmp_path.as_uri())
    tree.layer("x", b"layer")
    tree.layer("y", b"layer")
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o111)
    tmp_path.chmod(0o755)
    closed = tmp_path / "docker/registry/v2" / name
    closed.mkdir(exist_ok=True)
    closed.chmod(0)
    command = [sys.executable, "-c", PROGRAM, tmp_path.as_uri()]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    closed.chmod(0o755)
    assert answer == ["1", "1"] if is_stray else all(f"{name}': Permission denied" in line for line in answer)
