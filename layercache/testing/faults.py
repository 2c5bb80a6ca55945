"""A cache that fails when it is told to."""

from collections import Counter
from collections.abc import Sequence

from layercache.backend import Backend, Lease
from layercache.cache import LayerInfoCache
from layercache.context import Context
from layercache.forwarding import ForwardingBackend
from layercache.meta import LayerMeta


class FaultyBackend(ForwardingBackend):
    """Passes every operation on to another backend, or fails in its place; nothing is peeked at."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self.calls: Counter[str] = Counter()
        self.error: Exception | None = None
        self.failing: frozenset[str] = frozenset()

    def _sound(self, operation: str) -> Backend:
        self.calls[operation] += 1
        if self.error is not None and (not self.failing or operation in self.failing):
            raise self.error
        return self._backend

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        return await self._sound("contains").contains(ctx, repo, dgst)

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta | None:
        return await self._sound("meta").meta(ctx, dgst)

    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta | None:
        return await self._sound("stat").stat(ctx, repo, dgst)

    async def contains_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[bool]:
        return await self._sound("contains_many").contains_many(ctx, repo, dgsts)

    async def stat_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[LayerMeta | None]:
        return await self._sound("stat_many").stat_many(ctx, repo, dgsts)

    async def add(self, ctx: Context, repo: str, dgst: str) -> None:
        await self._sound("add").add(ctx, repo, dgst)

    async def set_meta(self, ctx: Context, dgst: str, meta: LayerMeta) -> None:
        await self._sound("set_meta").set_meta(ctx, dgst, meta)

    async def put(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> None:
        await self._sound("put").put(ctx, repo, dgst, meta)

    async def remove(self, ctx: Context, repo: str | None, dgst: str) -> None:
        await self._sound("remove").remove(ctx, repo, dgst)

    async def begin_removal(self, ctx: Context, repo: str | None, dgst: str) -> str:
        return await self._sound("begin_removal").begin_removal(ctx, repo, dgst)

    async def end_removal(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        sound = self._sound("end_removal")
        await sound.end_removal(ctx, repo, dgst, marker, has_returned=has_returned)

    async def lease(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
        return await self._sound("lease").lease(ctx, repo, dgst)

    async def fill(self, ctx: Context, lease: Lease, meta: LayerMeta) -> bool:
        return await self._sound("fill").fill(ctx, lease, meta)

    def __repr__(self) -> str:
        state = "sound" if self.error is None else repr(self.error)
        return f"{state} before {self._backend!r}"


class FaultyCache(LayerInfoCache):
    """Passes every operation on to *cache*, or fails in its place.

    The operations are named as the methods of `Backend` are: `stat`, `lease`,
    `begin_removal`, …; `forget` is a `remove` there.

    Attributes:
        calls: How often each operation was called.
    """

    def __init__(self, cache: LayerInfoCache) -> None:
        """Stand before *cache*, sound at first; it is closed with this one."""
        self._faults = FaultyBackend(cache.backend)
        super().__init__(self._faults)
        self.calls: Counter[str] = self._faults.calls

    def fail(self, error: Exception, *operations: str) -> None:
        """From now on raise *error* in *operations*, or in all if none is named."""
        self._faults.error, self._faults.failing = error, frozenset(operations)

    def mend(self) -> None:
        """From now on fail no more."""
        self._faults.error = None
