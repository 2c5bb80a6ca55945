"""Which blobs of a tree nobody has: what a sweep may delete, and what is deleted is gone for good.

So whoever is in doubt keeps a blob. It is in use if a link of any repository is for it
or names it, and if a manifest that is linked mentions it, link or no link: a tree
may have been restored without its layers' links, and what they were for is still known.
All is read before the first answer. What cannot be read is an error, never a no.

Limit: a link of the right length is taken to name its own digest, and is not read.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

from layercache.context import Context
from layercache.context.together import for_each
from layercache.errors import BackendUnavailableError, CorruptEntryError, InvalidArgumentError, NotFoundError
from layercache.meta import LayerMeta
from layercache.names import Digest, parse_digest
from layercache.source import PARTS
from layercache.storage.layout import layer_of_link, manifest_of_link
from layercache.storage.listing import BLOBS, REPOSITORIES, TreeListing

QUESTIONS = 16  # at a time

# Begun by a quotation mark, so that no byte is looked at more than twice.
_MENTION = re.compile(rb'"([a-z0-9+._-]+:[a-zA-Z0-9=_-]+)"')
_LONGEST = 1_026  # a digest between quotation marks


ReadLink = Callable[[str], Awaitable[Digest | None]]


class Blobs(Protocol):
    """The blobs of a tree, to be read; a `StorageSource` has these."""

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        """Return where the blob *dgst* lies."""

    async def open(self, ctx: Context, dgst: str, meta: LayerMeta) -> AsyncIterator[bytes]:
        """Open the blob *dgst*."""


class Unused(NamedTuple):
    """The blobs of a tree that nobody has.

    Attributes:
        blobs: Their digests, sorted.
        passed_over: Files in the tree that no registry has put there, and links that are corrupt.
        strays: The paths of the first 20 of them, with escapes for what cannot be printed.
    """

    blobs: Sequence[Digest]
    passed_over: int
    strays: Sequence[str]


async def find_unused(ctx: Context, listing: TreeListing, read_link: ReadLink, blobs: Blobs) -> Unused:
    """Return what `StorageSource.unused` does.

    Args:
        ctx: Binds all of it.
        listing: Of the tree, just begun.
        read_link: Reads the link at a path.
        blobs: Reads manifests.
    """
    usage = _Usage(ctx, listing, read_link, blobs)
    await usage.read_links()
    await for_each(usage.read_manifest, usage.manifests, QUESTIONS)
    there = [dgst for part in PARTS async for some in listing.blobs(ctx, part) for dgst, _ in some]
    if there and not usage.in_use:
        raise nobody_has_anything(len(there))
    unused = sorted(dgst for dgst in map(_digest, there) if dgst is not None and dgst not in usage.in_use)
    return Unused(unused, listing.strays.count, listing.strays.shown)


class _Usage:
    """What is in use, as far as it was read."""

    def __init__(self, ctx: Context, listing: TreeListing, read_link: ReadLink, blobs: Blobs) -> None:
        self._ctx = ctx
        self._listing = listing
        self._read_link = read_link
        self._blobs = blobs
        self.in_use: set[str] = set()
        self.manifests: set[str] = set()

    async def read_links(self) -> None:
        """Find what is linked, and which of it as a manifest."""
        async for some in self._listing.files(self._ctx, REPOSITORIES):
            for path, size, _ in some:
                layer, manifest = layer_of_link(path), manifest_of_link(path)
                for _, dgst in filter(None, (layer, manifest)):
                    linked = {dgst} if size == len(dgst) else {dgst, *await self._target(path)}
                    self.in_use |= linked
                    self.manifests |= linked if manifest else set()

    async def _target(self, path: str) -> set[str]:
        """What the link at *path* names."""
        try:
            target = await self._ctx.run(self._read_link(path))
        except CorruptEntryError:
            self._listing.strays.add(path)
            return set()
        return set() if target is None else {target}

    async def read_manifest(self, dgst: str) -> None:
        """Find what the manifest *dgst* mentions, if it is there."""
        try:
            meta = await self._blobs.meta(self._ctx, dgst)
            chunks = await self._blobs.open(self._ctx, dgst, meta)
        except (NotFoundError, InvalidArgumentError):
            return
        end = b""
        async for chunk in chunks:
            text = end + chunk
            self.in_use |= {mention.decode() for mention in _MENTION.findall(text)}
            end = text[-_LONGEST:]


def nobody_has_anything(count: int) -> BackendUnavailableError:
    """What to raise where a sweep would delete every blob."""
    return BackendUnavailableError(
        f"{count} blobs, and not one link in {REPOSITORIES}: if it is mounted and restored, and all was "
        f"deleted on purpose, delete {BLOBS} itself"
    )


def _digest(dgst: str) -> Digest | None:
    """The digest that a path names; what is none was put there by nobody that could link it."""
    try:
        return parse_digest(dgst)
    except InvalidArgumentError:
        return None
