"""What was done, by whom, and when: operations on one clock, as each process logs them.

The clock is CLOCK_MONOTONIC, which is one for all processes of a machine. A
change is logged twice: before it touches a file, so that it is known of if its
process is killed, and when it has ended. An answer is logged once. A log is a
file of records of one size, each written by one call, which a kill cannot part.
"""

import os
import time
from collections.abc import Callable, Iterator
from enum import IntEnum
from itertools import count
from pathlib import Path
from struct import Struct
from typing import NamedTuple

now: Callable[[], int] = time.monotonic_ns
EVERYWHERE = 255  # in the place of a repository: a sweep is of all, and a meta is for all


class Kind(IntEnum):
    """What was done."""

    STAT = 1
    CONTAINS = 2
    STAT_MANY = 3
    META = 4
    CONFIRM = 5
    RECALL = 6  # the cache alone was asked
    AUDIT = 7  # the cache alone was asked, when all was over
    PUSH = 8
    MOUNT = 9
    UNLINK = 10
    SWEEP = 11
    MARK = 12  # a register was written
    LOOK = 13  # and read
    WITNESS = 14  # Redis was asked what only it can answer


CHANGES = frozenset({Kind.PUSH, Kind.MOUNT, Kind.UNLINK, Kind.SWEEP, Kind.MARK})
ADDITIONS = frozenset({Kind.PUSH, Kind.MOUNT})


class Outcome(IntEnum):
    """How it ended."""

    BEGUN = 1  # not yet
    YES = 2
    NO = 3
    MISS = 4  # the cache does not know, which is no answer
    DONE = 5  # acknowledged
    FAILED = 6
    LATE = 7  # the storage deleted after the body was interrupted, and there was a hold


class Span(NamedTuple):
    """When a file was touched: at some moment of this time, which is in nanoseconds."""

    since: int
    until: int


NEVER = Span(0, 0)


class Operation(NamedTuple):
    """One thing that one process did to, or asked about, one layer.

    Attributes:
        kind: A `Kind`.
        outcome: An `Outcome`.
        repo: The number of the repository, or `EVERYWHERE`.
        dgst: The number of the digest, or of the register.
        number: Of the call, in its process; the layers of a bulk form share it.
        begin: When it was called, in nanoseconds.
        end: When it returned or raised; 0 if it has not.
        blob: When the blob was touched, if this is a change.
        link: When the link was.
        version: What was read of a register: when its writing began.
        worker: Which process.
    """

    kind: int
    outcome: int
    repo: int
    dgst: int
    number: int
    begin: int
    end: int
    blob: Span = NEVER
    link: Span = NEVER
    version: int = 0
    worker: str = ""

    def touched(self, blob: Span, link: Span) -> "Operation":
        """The same, with what is known of its files."""
        return self._replace(blob=blob, link=link)


_RECORD = Struct("<BBBBIQQQQQQQ")


def _packed(operation: Operation) -> bytes:
    *head, blob, link, version, _ = operation
    return _RECORD.pack(*head, *blob, *link, version)


class Log:
    """The log of one process, to write."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._numbers = count(1)

    def next_number(self) -> int:
        """The number of a new call."""
        return next(self._numbers)

    def write(self, *operations: Operation) -> None:
        """Add *operations*; once this has returned, no kill takes them away."""
        os.write(self._file, b"".join(map(_packed, operations)))

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


class LogReader:
    """The log of one process, to read while it is being written."""

    def __init__(self, path: Path, worker: str) -> None:
        self.worker = worker
        self._path = path
        self._offset = 0

    def read(self) -> Iterator[Operation]:
        """What was added since the last call."""
        if not self._path.exists():  # its process has not got so far
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            content = file.read()
        whole = len(content) - len(content) % _RECORD.size
        self._offset += whole
        for values in _RECORD.iter_unpack(content[:whole]):
            *head, blob_since, blob_until, link_since, link_until, version = values
            blob, link = Span(blob_since, blob_until), Span(link_since, link_until)
            kind, outcome, repo, dgst, number, begin, end = head
            yield Operation(kind, outcome, repo, dgst, number, begin, end, blob, link, version, self.worker)
