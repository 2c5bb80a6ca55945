"""The tree of a distribution registry, to be written to: links, tags, uploads.

An upload lies where the Go registry has its own, and in parts, since an object
store cannot append: each request that brings bytes writes one, named by where
in the upload it begins.

    repositories/<repository>/_uploads/<uuid>/startedat      by this the Go registry sweeps what was abandoned
                                              data.<offset>
                                              joined.<uuid>
    repositories/<repository>/_referrers/<algorithm>/<encoded>/<algorithm>/<encoded>/link     ours

Whatever comes is hashed while the parts are joined, into a file of which
nobody else knows, and that is moved to the blob's place: what was not hashed
is never served.

Nothing of an upload stays for ever. Who discards one deletes `startedat` first,
then all that is listed; who adds a file to one looks for `startedat` after that:

    1  a PATCH begins to write data.0
    2  a DELETE deletes `startedat`, and lists: there is no data.0 yet
    3  the PATCH ends, data.0 is there
    4  the PATCH finds no `startedat`, and deletes data.0

Looked for before step 3, or deleted last, `startedat` would tell neither of
the other. What a process left that ended between two steps, `expiry.py` deletes.
"""

import hashlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

import obstore
import obstore.store
from obstore.exceptions import BaseError

from layercache import (
    BackendError,
    BackendUnavailableError,
    Context,
    Digest,
    NotFoundError,
    Repository,
    background,
)
from layercache.oci import OCIError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

P = ParamSpec("P")
T = TypeVar("T")

ROOT = "docker/registry/v2"
MADE = f"{ROOT}/tree"  # so that a tree in which nothing was pushed yet is one
CHUNK_SIZE = 1024 * 1024
ALGORITHMS = {"sha256", "sha384", "sha512"}


@dataclass(frozen=True)
class Upload:
    """An upload, so far.

    Attributes:
        folder: Where it lies.
        parts: The paths of its parts, in order.
        size: Of all of them, in bytes.
    """

    repo: Repository
    name: str
    folder: str
    parts: tuple[str, ...] = ()
    size: int = 0


class Tree:
    """The tree below a URL.

    Attributes:
        directory: Where it lies on disk; None if it is in a bucket.
    """

    def __init__(self, url: str) -> None:
        open_store: Callable[..., ObjectStore] = obstore.store.from_url
        # The Go registry takes an empty folder for a tag.
        options = {"automatic_cleanup": True} if url.startswith("file:") else {}
        self._store = open_store(url, **options)
        self.directory = Path(url2pathname(urlsplit(url).path)) if options else None

    # ---- files

    async def make(self, ctx: Context) -> None:
        """Have a tree, even if nothing is in it; one that cannot be written to is served as it is."""
        with suppress(BackendError):
            await self.write(ctx, MADE, b"")

    async def require(self, ctx: Context) -> None:
        """Raise `BackendUnavailableError` if the tree is no longer there: nothing is mounted, perhaps."""
        try:
            await self._do(ctx, obstore.head_async, self._store, MADE)
        except NotFoundError:
            raise BackendUnavailableError("there is no tree to write to") from None

    async def write(self, ctx: Context, path: str, content: bytes) -> None:
        """Have *content* at *path*."""
        await self._do(ctx, obstore.put_async, self._store, path, content)

    async def move(self, ctx: Context, path: str, target: str) -> None:
        """Have what lies at *path* at *target* instead."""
        await self._do(ctx, obstore.rename_async, self._store, path, target)

    async def delete(self, ctx: Context, *paths: str) -> None:
        """Have nothing at *paths*."""
        for path in paths:
            with suppress(NotFoundError):
                await self._do(ctx, obstore.delete_async, self._store, path)

    async def files(self, ctx: Context, folder: str) -> dict[str, int]:
        """The sizes of all files below *folder*, by their paths from there, sorted."""
        found = await self._do(ctx, obstore.list(self._store, folder).collect_async)
        start = len(folder.strip("/")) + 1
        return dict(sorted((file["path"][start:], file["size"]) for file in found))

    async def has_repository(self, ctx: Context, repo: Repository) -> bool:
        """Whether anything was ever pushed to *repo*; below it may lie others."""
        listing = await self._do(ctx, obstore.list_with_delimiter_async, self._store, folder_of(repo))
        folders = {path.rpartition("/")[2] for path in listing["common_prefixes"]}
        return not folders.isdisjoint({"_layers", "_manifests", "_uploads"})

    # ---- uploads

    async def begin(self, ctx: Context, repo: Repository) -> Upload:
        """Begin an upload."""
        await self.require(ctx)
        name = str(uuid.uuid4())
        upload = Upload(repo, name, f"{folder_of(repo)}/_uploads/{name}")
        await self.write(ctx, f"{upload.folder}/startedat", f"{datetime.now(UTC):%FT%TZ}".encode())
        return upload

    async def find(self, ctx: Context, repo: Repository, name: str) -> Upload:
        """The upload *name* to *repo*.

        Raises:
            OCIError: There is none.
        """
        with suppress(ValueError):
            is_spelt_as_given = str(uuid.UUID(name)) == name
            folder = f"{folder_of(repo)}/_uploads/{name}"
            files = await self.files(ctx, folder) if is_spelt_as_given else {}
            if "startedat" in files:
                parts = [file for file in files if file.startswith("data.")]
                size = sum(files[part] for part in parts)
                return Upload(repo, name, folder, tuple(f"{folder}/{part}" for part in parts), size)
        raise unknown_upload(repo, name)

    async def append(self, upload: Upload, chunks: AsyncIterator[bytes]) -> None:
        """Add *chunks* to an upload: all of them, or none if they do not come to their end.

        Raises:
            OCIError: The upload was discarded meanwhile.
        """
        await self._add(upload, f"data.{upload.size:020}", chunks)

    async def join(self, upload: Upload, dgst: Digest) -> tuple[str, int]:
        """Join the parts of an upload, and return where that lies, and how long it is.

        A part may be another one by now: what counts is what was hashed.

        Raises:
            OCIError: It is not *dgst*, or of an algorithm that nobody here can hash by; or the upload was
                discarded meanwhile.
        """
        if dgst.algorithm not in ALGORITHMS:
            raise OCIError(400, "DIGEST_INVALID", f"not known here: {dgst.algorithm[:100]}")
        state, length = hashlib.new(dgst.algorithm), 0

        async def hashed() -> AsyncIterator[bytes]:
            nonlocal length
            for part in upload.parts:
                result = await obstore.get_async(self._store, part)
                async for chunk in result.stream(CHUNK_SIZE):
                    state.update(chunk)
                    length += len(chunk)
                    yield bytes(chunk)

        try:
            path = await self._add(upload, f"joined.{uuid.uuid4()}", hashed())
        except NotFoundError:
            raise unknown_upload(upload.repo, upload.name) from None
        if state.hexdigest() != dgst.encoded:
            raise OCIError(400, "DIGEST_INVALID", f"what came is not {dgst}")
        return path, length

    async def discard(self, ctx: Context, upload: Upload) -> None:
        """Have no such upload, and no file of it, also if one is written at this moment."""
        await self.discard_folder(ctx, upload.folder)

    async def changes(self, ctx: Context) -> dict[str, datetime]:
        """When anything was last written to each upload, by its folder; also of what is left of one."""
        changes: dict[str, datetime] = {}
        ctx.check()
        with _named("the uploads"):
            async for files in obstore.list(self._store, f"{ROOT}/repositories"):
                ctx.check()
                for file in files:
                    repo, is_upload, rest = file["path"].partition("/_uploads/")
                    if is_upload:
                        folder, changed = f"{repo}/_uploads/{rest.partition('/')[0]}", file["last_modified"]
                        changes[folder] = max(changes.get(folder, changed), changed)
        return changes

    async def discard_folder(self, ctx: Context, folder: str) -> None:
        """Have no upload in *folder*."""
        await self.delete(ctx, f"{folder}/startedat")
        await self.delete(ctx, *(f"{folder}/{file}" for file in await self.files(ctx, folder)))

    async def _add(self, upload: Upload, name: str, chunks: AsyncIterator[bytes]) -> str:
        """Write a file of an upload, and return its path; a body has no context, it takes what it takes."""
        path = f"{upload.folder}/{name}"
        with _named(path):
            await obstore.put_async(self._store, path, chunks, max_concurrency=2)
        try:
            await self._do(background(), obstore.head_async, self._store, f"{upload.folder}/startedat")
        except NotFoundError:
            await self.delete(background(), path)
            raise unknown_upload(upload.repo, upload.name) from None
        return path

    # ---- the driver

    async def _do(
        self, ctx: Context, ask: Callable[P, Awaitable[T]], *args: P.args, **options: P.kwargs
    ) -> T:
        ctx.check()  # The driver begins when it is called, not when it is awaited.
        with _named("the tree"):
            return await ctx.run(ask(*args, **options))


def unknown_upload(repo: str, name: str) -> OCIError:
    """What is told of an upload that is not there, or no longer."""
    return OCIError(404, "BLOB_UPLOAD_UNKNOWN", f"no upload to {repo}: {name[:100]}")


def folder_of(repo: Repository) -> str:
    """Where all of *repo* lies."""
    return f"{ROOT}/repositories/{repo}"


def tags_folder(repo: Repository) -> str:
    """Where the tags of *repo* lie."""
    return f"{folder_of(repo)}/_manifests/tags"


def tag_index_path(repo: Repository, tag: str, dgst: Digest) -> str:
    """What says that *tag* has stood for *dgst*."""
    return f"{tags_folder(repo)}/{tag}/index/{dgst.algorithm}/{dgst.encoded}/link"


def referrers_folder(repo: Repository, subject: Digest) -> str:
    """Where those lie that are about *subject*."""
    return f"{folder_of(repo)}/_referrers/{subject.algorithm}/{subject.encoded}"


def referrer_path(repo: Repository, subject: Digest, dgst: Digest) -> str:
    """What says that *dgst* is about *subject*."""
    return f"{referrers_folder(repo, subject)}/{dgst.algorithm}/{dgst.encoded}/link"


@contextmanager
def _named(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFoundError(path) from error
    except (BaseError, PermissionError) as error:
        raise BackendUnavailableError(f"{path}: {str(error).partition(chr(10))[0]}") from error
