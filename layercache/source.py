"""What can answer: a registry's storage, another registry, or a cache.

A source that can be listed is audited far more cheaply than by one question for
each layer. A listing of millions is cut into parts by the digests' first two
digits. Those are how a registry's tree is cut too, they are as even as a hash,
and they mean the same tomorrow and to another server: a walk that was
interrupted goes on with the part that it was in.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import Protocol, runtime_checkable

from layercache.context import Context
from layercache.errors import NotFoundError, UnsupportedError
from layercache.meta import LayerMeta

ODD_PART = "odd"  # of the digests that do not begin with two hexadecimal digits: of no registered algorithm
PARTS = (*(f"{number:02x}" for number in range(256)), ODD_PART)

_EVEN_PARTS = frozenset(PARTS[:-1])
_SHOWN = 20  # names of strays


class LayerInfoSource(ABC):
    """What can answer about a registry's layers.

    Every operation may raise, beside what it names itself:

        InvalidArgumentError: An argument is malformed; nothing was asked.
        ContextError: *ctx* had ended, or ended before the answer came.
        BackendError: The source could not answer, or answered nonsense.
    """

    @abstractmethod
    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
        """Return where *dgst* lies if *repo* has it.

        Raises:
            NotFoundError: The repository does not have it, or it is nowhere.
        """

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        """Return whether *repo* has *dgst*."""
        try:
            await self.stat(ctx, repo, dgst)
        except NotFoundError:
            return False
        return True

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        """Return where *dgst* lies, whoever has it.

        Raises:
            NotFoundError: It is nowhere.
            UnsupportedError: The source cannot tell without a repository, as
                another registry cannot: ask `stat`.
        """
        raise UnsupportedError(
            f"{type(self).__name__} cannot tell where a digest lies without a repository; use stat"
        )


Links = Sequence[tuple[str, str]]


class Listing(Protocol):
    """What a source has, as far as a list can tell."""

    def links(self, ctx: Context) -> AsyncIterator[Sequence[tuple[str, str]]]:
        """Repositories and digests that they link; the blobs may be gone."""

    def blobs(self, ctx: Context, part: str) -> AsyncIterator[Sequence[tuple[str, int]]]:
        """The digests of *part*, one of `PARTS`, whose blobs are there, and their lengths in bytes."""


class Strays:
    """What lies where a source keeps its own, and is not the source's: how much, and the first names.

    Attributes:
        count: How many were passed over.
        shown: The names of the first 20, so written that they can be printed.
    """

    def __init__(self) -> None:
        self.count = 0
        self.shown: list[str] = []
        self._lock = threading.Lock()

    def add(self, name: str) -> None:
        """One more was passed over; to be called from any thread."""
        with self._lock:
            self.count += 1
            if len(self.shown) < _SHOWN:
                self.shown.append(repr(name)[1:-1])


@runtime_checkable
class FullListing(Listing, Protocol):
    """A listing that tells manifests as well, and what it passed over.

    A cache that a Go registry of version 3 writes to remembers manifests as it does
    layers; but a manifest that is not remembered is not missing.

    Attributes:
        strays: What was passed over until now.
    """

    strays: Strays

    def members(self, ctx: Context) -> AsyncIterator[tuple[Links, Links]]:
        """Repositories and the layers that they link, as `links`; and the manifests that they link."""


class ManifestSource(LayerInfoSource):
    """A source that tells manifests from layers."""

    @abstractmethod
    async def has_manifest(self, ctx: Context, repo: str, dgst: str) -> bool:
        """Return whether *repo* links the manifest *dgst*; whether its bytes are there is for `meta`.

        Raises:
            ContextError: *ctx* ended first.
            BackendError: The source could not answer.
        """


class ListableSource(LayerInfoSource):
    """A source that can be listed."""

    @abstractmethod
    async def listing(self, ctx: Context) -> Listing:
        """Begin a listing.

        Raises:
            ContextError: *ctx* ended first.
            BackendError: The source is not there, or could not answer.
        """


def part_of(dgst: str) -> str:
    """Which of `PARTS` the digest *dgst* is in."""
    begin = dgst.find(":") + 1
    part = dgst[begin : begin + 2]
    return part if part in _EVEN_PARTS else ODD_PART
