"""ForwardingBackend: a backend that stands before another one; derive from it what differs in some methods."""

from collections.abc import Sequence

from layercache.backend import Backend, Lease, Scannable
from layercache.context import Context
from layercache.meta import LayerMeta


class ForwardingBackend(Backend):
    """Passes every operation on to another backend, which is closed with it.

    It has no peek, so that an override is never passed by. One that answers reads as
    the other does may take over the other's: `self.peek = backend.peek`.
    """

    def __init__(self, backend: Backend) -> None:
        """Stand before *backend*."""
        self._backend = backend
        self.tier = backend.tier

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        return await self._backend.contains(ctx, repo, dgst)

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta | None:
        return await self._backend.meta(ctx, dgst)

    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta | None:
        return await self._backend.stat(ctx, repo, dgst)

    async def contains_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[bool]:
        return await self._backend.contains_many(ctx, repo, dgsts)

    async def stat_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[LayerMeta | None]:
        return await self._backend.stat_many(ctx, repo, dgsts)

    async def add(self, ctx: Context, repo: str, dgst: str) -> None:
        await self._backend.add(ctx, repo, dgst)

    async def set_meta(self, ctx: Context, dgst: str, meta: LayerMeta) -> None:
        await self._backend.set_meta(ctx, dgst, meta)

    async def put(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> None:
        await self._backend.put(ctx, repo, dgst, meta)

    async def remove(self, ctx: Context, repo: str | None, dgst: str) -> None:
        await self._backend.remove(ctx, repo, dgst)

    async def begin_removal(self, ctx: Context, repo: str | None, dgst: str) -> str:
        return await self._backend.begin_removal(ctx, repo, dgst)

    async def end_removal(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        await self._backend.end_removal(ctx, repo, dgst, marker, has_returned=has_returned)

    async def lease(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
        return await self._backend.lease(ctx, repo, dgst)

    async def fill(self, ctx: Context, lease: Lease, meta: LayerMeta) -> bool:
        return await self._backend.fill(ctx, lease, meta)

    @property
    def scannable(self) -> Scannable | None:
        """The other backend, if it can be walked."""
        return self._backend.scannable

    async def aclose(self) -> None:
        """Close the other backend."""
        await self._backend.aclose()

    def __repr__(self) -> str:
        return repr(self._backend)
