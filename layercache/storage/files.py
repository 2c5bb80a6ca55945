"""What lies below a folder of a store, whatever else lies among it.

A file system takes names that no registry gives: not UTF-8, with a newline; a link
to a folder above; and what programs leave behind, `.nfs0001` or `data#1`. obstore
ends a whole listing at the first that it cannot write as a path. So a directory is
walked here, and a bucket listed by obstore. What cannot be a file of a registry is
passed over, and told.

An error is never passed over where a registry's files could be: a folder that may
not be read, or a link to a folder that is not mounted, is not an empty folder.

Limit: a bucket's key that has a control character or an empty part in it, or `..`,
ends its listing, with an error that names it.
"""

import asyncio
import errno
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import obstore
from obstore.store import LocalStore

from layercache.errors import BackendError, BackendUnavailableError
from layercache.storage.store import FAILURES, failure

if TYPE_CHECKING:  # obstore names these for type checkers only.
    from obstore import ListStream, ObjectMeta
    from obstore.store import ObjectStore

CHUNK_SIZE = 1_000  # files, as many as a bucket lists in one answer

PassedOver = Callable[[str], object]

# What obstore cannot write as a path, and what it writes before it moves a file to its place.
_UNWRITABLE = re.compile(rb"[\x00-\x1f\x7f]|#[0-9]+$")
# A folder of a registry: of a repository, an algorithm, an upload, a tag.
_NAME = re.compile(rb"(?!lost\+found$)[a-zA-Z0-9_=-][a-zA-Z0-9._=+-]*")
_VANISHED = {errno.ENOENT, errno.ENOTDIR}
_ENDLESS = {errno.ELOOP, errno.ENAMETOOLONG}


class File(NamedTuple):
    """A file.

    Attributes:
        path: From the root of the storage's driver, without a slash at its beginning.
        size: Bytes.
        modified: When it was last written.
    """

    path: str
    size: int
    modified: datetime


async def files(
    store: "ObjectStore", folder: str, passed_over: PassedOver = lambda _: None
) -> AsyncIterator[Sequence[File]]:
    """Yield all files below *folder*, some at a time, in no order; none if there is no such folder.

    Args:
        store: A store of obstore's.
        folder: From the root of the driver.
        passed_over: Is told the path of what cannot be a file of a registry.

    Raises:
        BackendError: The storage could not be listed to the end.
    """
    if isinstance(store, LocalStore):
        found = _Disk(store, passed_over).walk(folder)
        while some := await asyncio.to_thread(lambda: list(islice(found, CHUNK_SIZE))):
            yield some
        return
    try:
        stream: ListStream[Sequence[ObjectMeta]] = obstore.list(store, folder, chunk_size=CHUNK_SIZE)
        async for objects in stream:
            yield [File(found["path"], found["size"], found["last_modified"]) for found in objects]
    except FAILURES as error:
        raise failure(folder, error) from error


async def folders(store: "ObjectStore", folder: str, passed_over: PassedOver = lambda _: None) -> list[str]:
    """Return the names of the folders in *folder*, in no order.

    The arguments and errors are those of `files`; *passed_over* is told of files, too.
    """
    if isinstance(store, LocalStore):
        return await asyncio.to_thread(_Disk(store, passed_over).folders, folder)
    try:
        listing = await obstore.list_with_delimiter_async(store, folder)
    except FAILURES as error:
        raise failure(folder, error) from error
    for found in listing["objects"]:
        passed_over(found["path"])
    return [path.rpartition("/")[2] for path in listing["common_prefixes"]]


class _Disk:
    """A directory of this machine; for one thread at a time."""

    def __init__(self, store: LocalStore, passed_over: PassedOver) -> None:
        self._root = os.fsencode(store.prefix or "/").rstrip(b"/")
        self._passed_over = passed_over

    def walk(self, folder: str) -> Iterator[File]:
        pending = [folder]
        while pending:
            for path, stat in self._entries(pending.pop()):
                if stat is None:
                    pending.append(path)
                else:
                    yield File(path, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))

    def folders(self, folder: str) -> list[str]:
        names = []
        for path, stat in self._entries(folder):
            if stat is None:
                names.append(path.rpartition("/")[2])
            else:
                self._passed_over(path)
        return names

    def _entries(self, folder: str) -> Iterator[tuple[str, os.stat_result | None]]:
        """The path and the status of each file in *folder*, and of each folder None."""
        directory = b"/".join((self._root, os.fsencode(folder.strip("/"))))
        try:
            with os.scandir(directory) as scanned:
                entries = list(scanned)
        except OSError as error:
            self._judge(error, directory)
            return
        for entry in entries:
            try:
                path = self._path(entry)
                if path is None or (entry.is_dir() and entry.is_symlink() and _leads_back(entry.path)):
                    self._passed_over(self._shown(entry.path))
                elif entry.is_dir():
                    yield path, None
                elif entry.is_file():
                    yield path, entry.stat()
                else:
                    self._pass_over_special(entry)
            except OSError as error:
                self._judge(error, entry.path)

    def _path(self, entry: "os.DirEntry[bytes]") -> str | None:
        """Where *entry* lies, if obstore could say it."""
        if _UNWRITABLE.search(entry.name):
            return None
        try:
            return entry.path[len(self._root) + 1 :].decode()
        except UnicodeDecodeError:
            return None

    def _pass_over_special(self, entry: "os.DirEntry[bytes]") -> None:
        """A pipe, a socket, a device; or a link to what is not there, perhaps since it is not mounted."""
        if entry.is_symlink() and _NAME.fullmatch(entry.name):
            raise BackendUnavailableError(f"{self._shown(entry.path)!r}: a link to what is not there")
        self._passed_over(self._shown(entry.path))

    def _judge(self, error: OSError, path: bytes) -> None:
        """Return if there is nothing of a registry at *path*, which cannot be looked at."""
        if error.errno in _VANISHED:  # since its folder was read
            return
        if error.errno not in _ENDLESS and _NAME.fullmatch(path.rpartition(b"/")[2]):
            raise BackendError(f"{self._shown(path)!r}: {error.strerror}") from error
        self._passed_over(self._shown(path))

    def _shown(self, path: bytes) -> str:
        return os.fsdecode(path[len(self._root) + 1 :])


def _leads_back(path: bytes) -> bool:
    """Whether the link at *path* is to a folder that it lies in."""
    place = Path(os.fsdecode(path))
    target = place.stat()
    return any(os.path.samestat(target, above.stat()) for above in place.parents)
