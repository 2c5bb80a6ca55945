"""What keeps the knowledge of a cache: the interface to implement for a store of your own.

A `LayerInfoCache` holds a backend, as the cache of 2015 had a `base` that embeds
a cache and adds the checks. A method here is given well-formed names and metas,
as plain `str`, and a context that had not ended a moment ago; only `peek` is given
what nobody has looked at yet. It is awaited by the cache, which returns what it
returns and passes on what it raises. "In one step" means that nothing can come
between, by whoever shares the store.

Ten methods are abstract. The others follow from these; override them where your
store does them in one round trip. `layercache.testing` has every promise of
this file as a check.

A miss is False or None. What a backend may raise:

    BackendUnavailableError  the store could not be reached, or is not ready
    CorruptEntryError        an entry is there and makes no sense
    BackendError             any other failure of the store, its own exception as the cause
    ContextError             *ctx* ended while it waited; await under it by `ctx.run`

Source: distribution, registry/storage/cache, the interface `LayerInfoCache` of 2015.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, Protocol

from layercache.context import Context
from layercache.meta import LayerMeta
from layercache.observer import Tier


class Lease(NamedTuple):
    """The right to fill one layer; taken before the storage is asked.

    Attributes:
        repo: The repository; None for a lease of the meta alone.
        dgst: The digest.
        membership: The token that lay beside the membership; empty without one.
        meta: The token that lay beside the meta.
    """

    repo: str | None
    dgst: str
    membership: str
    meta: str


class Peek(Protocol):
    """A look at what lies in this process, without an await: a hit is told, and all else is for the backend.

    The names have not been checked: they may be of any type and value. What was
    stored had been, so a name that is found needs no check. A look must not raise.
    """

    def contains(self, repo: str, dgst: str) -> bool:
        """Whether *repo* is known here to have *dgst*; False: ask the backend."""

    def meta(self, dgst: str) -> LayerMeta | None:
        """Where *dgst* is known here to lie; None: ask the backend."""

    def stat(self, repo: str, dgst: str) -> LayerMeta | None:
        """Where *dgst* lies, if *repo* is known here to have it; None: ask the backend."""


class Backend(ABC):
    """Every operation of a `LayerInfoCache`, without its checks.

    Where *repo* may be None, the operation is about the meta of *dgst* alone.

    Attributes:
        peek: A look that is asked before the methods are; None if the store is elsewhere.
        tier: Who answers, as an observer is told.
    """

    peek: Peek | None = None
    tier: Tier = Tier.FAR

    # ---- the four operations of the cache of 2015

    @abstractmethod
    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        """Return whether *repo* is known to have *dgst*."""

    @abstractmethod
    async def add(self, ctx: Context, repo: str, dgst: str) -> None:
        """Remember that *repo* has *dgst*."""

    @abstractmethod
    async def meta(self, ctx: Context, dgst: str) -> LayerMeta | None:
        """Return where *dgst* lies; None if that is not known."""

    @abstractmethod
    async def set_meta(self, ctx: Context, dgst: str, meta: LayerMeta) -> None:
        """Remember where *dgst* lies."""

    # ---- what is gone

    @abstractmethod
    async def remove(self, ctx: Context, repo: str | None, dgst: str) -> None:
        """In one step: clear the membership, or the meta, and drop its token, but no removal marker."""

    @abstractmethod
    async def begin_removal(self, ctx: Context, repo: str | None, dgst: str) -> str:
        """In one step: clear the membership, or the meta, and place a new removal marker.

        The marker takes the place of a token or of another marker, and is
        returned. A hold stays as well, until its own end at least.
        """

    @abstractmethod
    async def end_removal(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        """In one step: clear the same key again, and drop its token, or the marker if it is *marker*.

        If not *has_returned*, the body was interrupted, and the storage may
        still delete. Then the step places a hold as well. For the cache's
        `closing_seconds` from now on, `lease` gives none under it, as under a
        marker, and no other method drops it or makes its end earlier.
        """

    # ---- leases

    @abstractmethod
    async def lease(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
        """Return the tokens beside both keys, new where there are none; None if a removal marker is.

        If *repo* is None, of the meta's key alone, with an empty token for the other.
        """

    @abstractmethod
    async def fill(self, ctx: Context, lease: Lease, meta: LayerMeta) -> bool:
        """For each half, in one step: store it if its token is the lease's, and drop the token.

        Returns:
            Whether all of it was stored.
        """

    # ---- what follows from the others

    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta | None:
        """Return where *dgst* lies if *repo* is known to have it; None if one of the two is not known.

        Meta first. In the other order the two halves may never have been true
        together: membership read, forgotten, removed, added elsewhere, meta read.
        """
        meta = await self.meta(ctx, dgst)
        if meta is None or not await self.contains(ctx, repo, dgst):
            return None
        return meta

    async def put(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> None:
        """Remember both halves."""
        await self.set_meta(ctx, dgst, meta)
        await self.add(ctx, repo, dgst)

    async def contains_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[bool]:
        """Return what `contains` would for each of *dgsts*, in their order."""
        return [await self.contains(ctx, repo, dgst) for dgst in dgsts]

    async def stat_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[LayerMeta | None]:
        """Return what `stat` would for each of *dgsts*, in their order; None for a miss."""
        return [await self.stat(ctx, repo, dgst) for dgst in dgsts]

    # ---- what it can do beyond that

    @property
    def scannable(self) -> "Scannable | None":
        """The backend that can be walked: this one, or one that it stands before; None if there is none."""
        return None

    async def aclose(self) -> None:  # a backend may hold nothing
        """Let go of what the backend holds; calling it twice is harmless."""


# ---- a backend that can be walked


class CorruptKey(NamedTuple):
    """What lies in a cache and makes no sense.

    Attributes:
        key: Where it lies, as the store names it.
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


class Scannable(Backend):
    """A backend that can tell all that it knows."""

    @property
    def scannable(self) -> "Scannable":
        """This one."""
        return self

    @abstractmethod
    def scan(self, ctx: Context) -> AsyncIterator[Batch]:
        """Walk all that is known, as `LayerInfoCache.scan` promises it."""

    @abstractmethod
    def list_repository(self, ctx: Context, repo: str) -> AsyncIterator[Sequence[str]]:
        """Walk the digests that *repo* is known to have, as `LayerInfoCache.list_repository` promises it."""

    async def discard(self, ctx: Context, repo: str) -> bool:
        """Drop what is kept of the members of *repo* if, as a whole, it makes no sense; whether it was."""
        return False  # Most stores hold nothing that could be corrupt.
