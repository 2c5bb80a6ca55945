"""The twins: what a backend implements behind the contract of `cache.py`.

A twin sees only well-formed values and a context that was live a moment ago.
"In one step" means that nothing can come between, by whoever shares the store.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from layercache.context import Context
from layercache.errors import NotFoundError
from layercache.meta import LayerMeta


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


class Backend(ABC):
    """Every operation of a `LayerInfoCache`, without its checks."""

    @abstractmethod
    async def _contains(self, ctx: Context, repo: str, dgst: str) -> bool: ...

    @abstractmethod
    async def _add(self, ctx: Context, repo: str, dgst: str) -> None: ...

    @abstractmethod
    async def _meta(self, ctx: Context, dgst: str) -> LayerMeta: ...

    @abstractmethod
    async def _set_meta(self, ctx: Context, dgst: str, meta: LayerMeta) -> None: ...

    @abstractmethod
    async def _remove(self, ctx: Context, repo: str, dgst: str) -> None:
        """In one step: clear the membership and drop its token, but no closing marker."""

    @abstractmethod
    async def _forget(self, ctx: Context, dgst: str) -> None:
        """In one step: clear the meta and drop its token, but no closing marker."""

    @abstractmethod
    async def _lease(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
        """The tokens beside both keys, new where there are none; None if a closing marker is.

        If *repo* is None, of the meta's key alone, with an empty token for the other.
        """

    @abstractmethod
    async def _fill(self, ctx: Context, lease: Lease, meta: LayerMeta) -> bool:
        """For each half, in one step: store it if its token is the lease's, and drop the token."""

    @abstractmethod
    async def begin_removal(self, ctx: Context, repo: str | None, dgst: str) -> str:
        """In one step: clear the membership, or the meta if *repo* is None, and place a new marker.

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
        `closing_seconds` from now on, `_lease` gives none under it, as under a
        marker, and no twin drops it or makes its end earlier.
        """

    # ---- what follows from the others, for a backend to do in one round trip

    async def _stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
        # Meta first. In the other order the two halves may never have been
        # true together: membership read, forget, remove, added elsewhere, meta read.
        meta = await self._meta(ctx, dgst)
        if not await self._contains(ctx, repo, dgst):
            raise NotFoundError(dgst)
        return meta

    async def _put(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> None:
        await self._set_meta(ctx, dgst, meta)
        await self._add(ctx, repo, dgst)

    async def _contains_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[bool]:
        return [await self._contains(ctx, repo, dgst) for dgst in dgsts]

    async def _stat_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[LayerMeta | None]:
        return [await self._stat_or_none(ctx, repo, dgst) for dgst in dgsts]

    async def _stat_or_none(self, ctx: Context, repo: str, dgst: str) -> LayerMeta | None:
        try:
            return await self._stat(ctx, repo, dgst)
        except NotFoundError:
            return None
