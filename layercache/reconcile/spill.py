"""Spill: lines that are too many to be held, by part, in a nameless temporary file.

They come in no order and are wanted part by part (a Grace hash join, Kitsuregawa
et al., 1983). Some tens of thousands are held, then written, each part's in one
piece; the list of these pieces is all that grows, by 60 bytes for about a hundred
lines. A part that is too large to be held is poured into a spill of its own, with
smaller parts. The file has no name, so that nothing is left of it, however its
process ends.
"""

import asyncio
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Self

from layercache.errors import BackendError

HELD = 32_768  # lines, some 5 MB

Lines = dict[str, list[str]]


class Spill:
    """Lines by part, as many as the disk has room for."""

    def __init__(self, parts: Iterable[str]) -> None:
        """Hold lines of *parts*; those of others are not taken.

        Raises:
            BackendError: There is no directory for temporary files.
        """
        self._parts = tuple(parts)
        self._lines = self._no_lines()
        self._count = 0
        self._pieces: dict[str, list[tuple[int, int]]] = {part: [] for part in self._parts}
        self._sizes = dict.fromkeys(self._parts, 0)
        self._lock = threading.Lock()
        with _named():
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__

    def _no_lines(self) -> Lines:
        return {part: [] for part in self._parts}

    def add(self, part: str, line: str) -> None:
        """Take *line*, without an end of its own, into *part*."""
        lines = self._lines.get(part)
        if lines is not None:
            lines.append(line)
            self._sizes[part] += 1
            self._count += 1

    def size(self, part: str) -> int:
        """How many lines were added to *part*."""
        return self._sizes[part]

    async def relieve(self) -> None:
        """Write what is held if it is much; call this after every few lines.

        Raises:
            BackendError: The disk has no room.
        """
        if self._count >= HELD:
            await asyncio.to_thread(self._write, self._let_go())

    def _let_go(self) -> Lines:
        lines, self._lines, self._count = self._lines, self._no_lines(), 0
        return lines

    def _write(self, lines: Lines) -> None:
        with self._lock, _named():
            place = self._file.seek(0, 2)
            for part, some in lines.items():
                size = self._file.write("\n".join((*some, "")).encode())
                self._pieces[part].append((place, size))
                place += size

    def take(self, part: str) -> list[str]:
        """Return the lines of *part*, in no order; to be called from any thread, once all are in.

        Raises:
            BackendError: The disk cannot be read.
        """
        return [line for lines in self._take(part) for line in lines]

    def pour(self, part: str, into: "Spill", smaller: Callable[[str], str]) -> None:
        """Take the lines of *part*, and add each to the part of *into* that is *smaller* of it.

        To be called from any thread, once all are in.

        Raises:
            BackendError: The disk cannot be read, or has no room.
        """
        for lines in self._take(part):
            for line in lines:
                into.add(smaller(line), line)
            if into._count >= HELD:
                into._write(into._let_go())

    def _take(self, part: str) -> Iterator[list[str]]:
        yield self._lines.pop(part)
        for place, size in self._pieces.pop(part):
            with self._lock, _named():
                self._file.seek(place)
                content = self._file.read(size)
            yield content.decode().split("\n")[:-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._file.close()

    def __repr__(self) -> str:
        return f"<Spill of {len(self._parts)} parts, {self._count} lines held>"


@contextmanager
def _named() -> Iterator[None]:
    """Make an error of ours of one of the disk's."""
    try:
        yield
    except OSError as error:
        raise BackendError(f"no temporary file: {error}") from error
