"""StorageSource: the truth about layers, read from a registry's tree.

A "no" of a store is worth little by itself. Of a directory that is not mounted
and of a bucket that does not exist it says, file by file, that nothing is
there; and a registry that believed it would tell its clients that every image
is gone. So whoever finds nothing looks once more, for the tree itself, and a
tree that is missing or empty is an error. What is found costs nothing more.

A link without its blob is a "no": the Go registry's sweep deletes blobs, and up to
version 2.8 it leaves their links. That of version 3 deletes links as well, also of
blobs that stay since another repository has them; a cache is told of those by
`removing`, or finds them by a `Reconciler`.
"""

import errno
from collections.abc import AsyncIterator, Awaitable
from typing import TYPE_CHECKING, TypeVar

import obstore

from layercache.context import Context
from layercache.errors import CorruptEntryError, LayerCacheError, NotFoundError
from layercache.meta import LayerMeta
from layercache.names import Digest
from layercache.source import ListableSource, ManifestSource
from layercache.storage.layout import (
    MAX_LINK_LENGTH,
    data_path,
    layer_link_path,
    parse_link,
    revision_link_path,
    tag_link_path,
)
from layercache.storage.listing import TreeListing, require_tree
from layercache.storage.store import FAILURES, failure, mask, masked_url, open_store
from layercache.storage.unused import Unused, find_unused

if TYPE_CHECKING:  # obstore names these for type checkers only.
    from obstore import GetOptions, GetResult, ObjectMeta

T = TypeVar("T")

CHUNK_SIZE = 256 * 1024  # bytes; smaller ones cost throughput, larger ones only memory


class StorageSource(ListableSource, ManifestSource):
    """What a registry's tree says of its layers: a `LayerInfoSource`.

    Attributes:
        store: The store of obstore's, for who writes to the same tree.

    Every operation may raise, beside what it names itself:

        InvalidArgumentError: A name is malformed; nothing was asked.
        ContextError: *ctx* ended before the storage answered.
        CorruptEntryError: A link is truncated, or is none; `key` is its path.
        BackendUnavailableError: The storage could not be reached, or there is
            no tree at all: no bucket, nothing mounted, nothing ever pushed.
        BackendError: The storage refused to answer.

    Not promised: that what was there a moment ago is there still.
    """

    def __init__(self, url: str, **options: object) -> None:
        """Read the tree below *url*; nothing is asked of a bucket yet.

        Args:
            url: The root of the registry's storage driver, the parent of
                `docker/`: `file:///var/lib/docker-registry`,
                `s3://bucket/prefix`, `gs://bucket/prefix`,
                `az://container/prefix`.
            options: Settings and credentials, as `obstore.store.from_url`
                takes them; without, they come from the environment. Azure's
                account is one: `account_name`, `AZURE_STORAGE_ACCOUNT_NAME`.

        Raises:
            InvalidArgumentError: *url* or an option is not understood.
            BackendUnavailableError: The directory does not exist, or nothing
                names the account.
        """
        opened, self._where = open_store(url, options), masked_url(url)
        del url, options  # A frame of an error shows what is in it.
        if isinstance(opened, LayerCacheError):
            raise opened
        self.store = opened

    # ---- what a cache asks

    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
        """Return where the blob *dgst* lies and how long it is, if *repo* links it.

        The meta is read before the link, so that both were true together.

        Raises:
            NotFoundError: There is no such link, or no such blob.
        """
        meta = await self.meta(ctx, dgst)
        if not await self.contains(ctx, repo, dgst):
            raise NotFoundError(dgst)
        return meta

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        """Return whether *repo* links *dgst* as a layer, and the blob that the link names is there.

        A manifest is no layer: whoever skipped an upload for one would lose it with the manifest.
        """
        return await ctx.run(self._has_linked_blob(layer_link_path(repo, dgst)))

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        """Return where the blob *dgst* lies and how long it is, whoever links it.

        Raises:
            NotFoundError: There is no such blob.
        """
        path = data_path(dgst)
        found = await ctx.run(self._head(path))
        if found is None:
            raise NotFoundError(dgst)
        return LayerMeta(path, found["size"])

    # ---- what a registry asks, to serve manifests and bytes

    async def has_manifest(self, ctx: Context, repo: str, dgst: str) -> bool:
        """Return whether *repo* links the manifest *dgst*; whether its bytes are there is for `meta`."""
        return await ctx.run(self._link(revision_link_path(repo, dgst))) is not None

    async def tagged(self, ctx: Context, repo: str, tag: str) -> Digest | None:
        """Return which manifest *tag* stands for in *repo*; None if there is no such tag."""
        return await ctx.run(self._link(tag_link_path(repo, tag)))

    async def open(
        self, ctx: Context, dgst: str, meta: LayerMeta, part: range | None = None
    ) -> AsyncIterator[bytes]:
        """Open the blob *dgst* where *meta* says that it lies, and return its bytes, in chunks.

        Args:
            ctx: Binds the opening; the reading has as long as it takes.
            dgst: The digest.
            meta: What a cache knows of it. A cache may be shared, so it is not
                trusted: no other file than this blob's is ever opened.
            part: The bytes that are wanted, with a step of 1; all by default.

        Raises:
            NotFoundError: *meta* is not true, or no longer: nothing lies
                there, or something of another length, or something else.
        """
        path = data_path(dgst)
        if meta.path != path:
            raise NotFoundError(dgst)
        result = await ctx.run(self._get(path, part))
        if result is None or result.meta["size"] != meta.length:
            raise NotFoundError(dgst)
        return self._chunks(result)

    # ---- what an audit asks

    async def listing(self, ctx: Context) -> TreeListing:
        """Begin a listing of the tree: a `ListableSource`'s.

        A link is listed if its length is that of its own digest; one that names
        another, as one that is truncated, is for `contains` to read.
        """
        return await TreeListing.begin(ctx, self.store, self._where)

    # ---- what a sweep asks

    async def unused(self, ctx: Context) -> Unused:
        """Return the blobs that nobody has, read to the end before any of them is told.

        In use is what a link of any repository is for or names, as a layer or as a
        manifest, and whatever a manifest mentions that is linked. A link that is
        corrupt keeps the blob that it is for.

        Args:
            ctx: Binds all of the reading. Pushes are to wait until the last of
                these blobs is deleted: a blob may be there before its link is.

        Raises:
            BackendUnavailableError: There are blobs and not a single link, so
                that nobody would have anything: not mounted, or not restored.
        """
        return await find_unused(ctx, await self.listing(ctx), self._link, self)

    # ---- one question each

    async def _has_linked_blob(self, link_path: str) -> bool:
        target = await self._link(link_path)
        return target is not None and await self._head(data_path(target)) is not None

    async def _link(self, path: str) -> Digest | None:
        result = await self._get(path)
        if result is None:
            return None
        if result.meta["size"] > MAX_LINK_LENGTH:
            raise CorruptEntryError(path)
        content = await self._answer(path, result.bytes_async())
        return None if content is None else parse_link(path, bytes(content))

    async def _head(self, path: str) -> "ObjectMeta | None":
        return await self._answer(path, obstore.head_async(self.store, path))

    async def _get(self, path: str, part: range | None = None) -> "GetResult | None":
        options: GetOptions = {} if part is None else {"range": (part.start, part.stop)}
        return await self._answer(path, obstore.get_async(self.store, path, options=options))

    async def _chunks(self, result: "GetResult") -> AsyncIterator[bytes]:
        try:
            async for chunk in result.stream(CHUNK_SIZE):
                yield chunk
        except FAILURES as error:
            raise failure(self._where, error) from error

    # ---- what the answers mean

    async def _answer(self, path: str, question: Awaitable[T]) -> T | None:
        """What the store answers about *path*; None if nothing lies there, in a tree that is there."""
        try:
            return await question
        except FileNotFoundError as error:
            mask(error)  # Who asks next may fail in this frame, which keeps the answer.
        except FAILURES as error:
            if f"(os error {errno.ELOOP})" in str(error):  # A link to itself.
                mask(error)
                raise CorruptEntryError(path) from error
            raise failure(self._where, error) from error
        await require_tree(self.store, self._where)
        return None

    def __repr__(self) -> str:
        return f"<StorageSource {self._where}>"
