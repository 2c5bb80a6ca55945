"""What can be walked from end to end: a cache by its scan, a source by its listing.

The contract of a cache has no scan, since no handler needs one. Who audits a
cache does (`storage/reconcile.py`), and so a cache that can be walked says so by
its type.

A walk of millions is cut into parts by the digests' first two digits. Those are
how a registry's tree is cut too, they are as even as a hash, and they mean the
same tomorrow and to another server: a walk that was interrupted goes on with the
part that it was in.
"""

import threading
from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from layercache.cache import LayerInfoCache, LayerInfoSource
from layercache.context import Context
from layercache.meta import LayerMeta

ODD_PART = "odd"  # of the digests that do not begin with two hexadecimal digits: of no registered algorithm
PARTS = (*(f"{number:02x}" for number in range(256)), ODD_PART)

_EVEN_PARTS = frozenset(PARTS[:-1])
_SHOWN = 20  # names of strays


def part_of(dgst: str) -> str:
    """Which of `PARTS` the digest *dgst* is in."""
    begin = dgst.find(":") + 1
    part = dgst[begin : begin + 2]
    return part if part in _EVEN_PARTS else ODD_PART


# ---- a cache


class CorruptKey(NamedTuple):
    """What lies in a cache and makes no sense.

    Attributes:
        key: Where it lies, in the words of the store.
        field: Which part of it is malformed; empty when it is the whole.
        repo: The repository that it is about; None for a meta.
        dgst: The digest that it is about; None if it is about all of *repo*.
    """

    key: str
    field: str
    repo: str | None
    dgst: str | None


class Batch(NamedTuple):
    """Some of what a cache knows. Every name in it is one that the cache can be asked for.

    Attributes:
        members: Repositories and digests that they are known to have.
        metas: Digests, and where they are known to lie.
        traces: Repositories and digests of which something is kept that by
            itself makes no answer, and goes when the membership is removed.
        corrupt: What makes no sense.
    """

    members: Sequence[tuple[str, str]] = ()
    metas: Sequence[tuple[str, LayerMeta]] = ()
    traces: Sequence[tuple[str, str]] = ()
    corrupt: Sequence[CorruptKey] = ()


class ScannableCache(LayerInfoCache):
    """A cache that can tell all that it knows."""

    @abstractmethod
    def scan(self, ctx: Context) -> AsyncIterator[Batch]:
        """Walk all that the cache knows, in no order, while it is in use.

        What is known from the beginning of the walk to its end is told, and
        may be told twice; what comes or goes meanwhile is told or not. What is
        corrupt is told, not raised.

        Raises:
            ContextError: *ctx* ended before the walk did.
            BackendError: The store could not answer.
        """

    async def discard(self, ctx: Context, repo: str) -> bool:
        """Drop what is kept of the members of *repo* if, as a whole, it makes no sense.

        Returns:
            Whether it was dropped. No answer is lost by that: there was none.

        Raises:
            ContextError: *ctx* ended first.
            BackendError: The store could not answer.
        """
        return False  # Most caches hold nothing that could be corrupt.


# ---- a source


Links = Sequence[tuple[str, str]]


class Listing(Protocol):
    """What a source has, as far as a list can tell."""

    def links(self, ctx: Context) -> AsyncIterator[Sequence[tuple[str, str]]]:
        """Repositories and digests that they link; the blobs may be gone."""

    def blobs(self, ctx: Context, part: str) -> AsyncIterator[Sequence[tuple[str, int]]]:
        """The digests of *part* whose blobs are there, and the lengths of these."""


class Strays:
    """What lies where a source keeps its own, and is not the source's: how much, and the first names.

    Attributes:
        count: How many were passed over.
        shown: The names of the first 20, so written that they can be printed.
    """

    def __init__(self) -> None:
        self.count: int = 0
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


@runtime_checkable
class ManifestSource(LayerInfoSource, Protocol):
    """A source that tells manifests from layers."""

    async def has_manifest(self, ctx: Context, repo: str, dgst: str) -> bool:
        """Return whether *repo* links the manifest *dgst*; whether its bytes are there is for `meta`.

        Raises:
            ContextError: *ctx* ended first.
            BackendError: The source could not answer.
        """


@runtime_checkable
class ListableSource(LayerInfoSource, Protocol):
    """A source that can be listed, which is far cheaper than to ask it for each layer."""

    async def listing(self, ctx: Context) -> Listing:
        """Begin a listing.

        Raises:
            ContextError: *ctx* ended first.
            BackendError: The source is not there, or could not answer.
        """
