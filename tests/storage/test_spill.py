"""Lines by part, in memory and on the disk."""

import tempfile
from functools import partial
from pathlib import Path

import pytest

from layercache.errors import BackendError
from layercache.reconcile.spill import HELD, Spill


async def test_every_line_is_given_back_once() -> None:
    """What was added to a part is taken from it, whether it was written or is still held."""
    lines = [f"line {number} é" for number in range(3 * HELD + 10)]
    with Spill("ab") as spill:
        for number, line in enumerate(lines):
            spill.add("ab"[number % 2], line)
            await spill.relieve()
        assert sorted(spill.take("a") + spill.take("b")) == sorted(lines)


async def test_little_is_held() -> None:
    """What is held is written when it is much."""
    with Spill("a") as spill:
        for _ in range(HELD + 1):
            spill.add("a", "line")
            await spill.relieve()
        assert repr(spill) == "<Spill of 1 parts, 1 lines held>"


def test_other_parts_are_not_taken() -> None:
    """A line of a part that is not wanted is dropped."""
    with Spill("a") as spill:
        spill.add("b", "line")
        assert spill.take("a") == []


async def test_a_large_part_is_poured() -> None:
    """What is poured from a part lies in the smaller parts of another spill, each line once."""
    lines = [f"{number % 3} {number}" for number in range(3 * HELD)]
    with Spill("ab") as spill, Spill("012") as smaller:
        for line in lines:
            spill.add("a", line)
            await spill.relieve()
        assert (spill.size("a"), spill.size("b")) == (len(lines), 0)
        spill.pour("a", smaller, lambda line: line[0])
        for part in "012":
            assert sorted(smaller.take(part)) == sorted(line for line in lines if line[0] == part)


async def test_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that has no room is an error of the library's own."""
    full = partial(open, "/dev/full", "r+b", buffering=0)
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with Spill("a") as spill:
        for _ in range(HELD):
            spill.add("a", "line")
        with pytest.raises(BackendError, match="No space left"):
            await spill.relieve()


def test_no_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So is a machine without a directory for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(BackendError, match="no temporary file"):
        Spill("a")
