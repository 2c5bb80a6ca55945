"""MemoryBackend: what one process remembers, for as long as it runs."""

from collections.abc import AsyncIterator, Sequence

from layercache.backend import Batch, Lease, Scannable
from layercache.backends.memory.expiry import Clock
from layercache.backends.memory.leases import Leases
from layercache.backends.memory.scan import members_of, scan
from layercache.backends.memory.table import Table
from layercache.context import Context
from layercache.meta import LayerMeta
from layercache.observer import Tier


class MemoryBackend(Scannable):
    """A table of what is known, and the leases beside it.

    No operation suspends its task, so each is one step for every other task.
    """

    tier = Tier.NEAR

    def __init__(self, max_entries: int, ttl: float | None, closing_seconds: float, clock: Clock) -> None:
        """Remember at most *max_entries*, each for *ttl* seconds on *clock* at most; hold for *closing_seconds*."""
        self._max_entries = max_entries
        self._table = self.peek = Table(max_entries, ttl, clock)
        self._leases = Leases(clock, closing_seconds)

    # ---- reads

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        return self._table.contains(repo, dgst)

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta | None:
        return self._table.meta(dgst)

    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta | None:
        return self._table.stat(repo, dgst)

    async def contains_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[bool]:
        return [self._table.contains(repo, dgst) for dgst in dgsts]

    async def stat_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[LayerMeta | None]:
        return [self._table.stat(repo, dgst) for dgst in dgsts]

    # ---- writes

    async def add(self, ctx: Context, repo: str, dgst: str) -> None:
        self._table.add(repo, dgst)

    async def set_meta(self, ctx: Context, dgst: str, meta: LayerMeta) -> None:
        self._table.set_meta(dgst, meta)

    async def put(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> None:
        self._table.put(repo, dgst, meta)

    async def remove(self, ctx: Context, repo: str | None, dgst: str) -> None:
        self._clear(repo, dgst)
        self._leases.void((repo, dgst))

    async def begin_removal(self, ctx: Context, repo: str | None, dgst: str) -> str:
        self._clear(repo, dgst)
        return self._leases.close((repo, dgst))

    async def end_removal(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        self._clear(repo, dgst)
        end = self._leases.reopen if has_returned else self._leases.hold
        end((repo, dgst), marker)

    def _clear(self, repo: str | None, dgst: str) -> None:
        if repo is None:
            self._table.forget(dgst)
        else:
            self._table.remove(repo, dgst)

    # ---- leases

    async def lease(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
        leases, meta = self._leases, (None, dgst)
        if leases.is_closing(meta) or leases.is_closing((repo, dgst)):
            return None
        membership = "" if repo is None else leases.token((repo, dgst))
        return Lease(repo, dgst, membership, leases.token(meta))

    async def fill(self, ctx: Context, lease: Lease, meta: LayerMeta) -> bool:
        repo, dgst, membership, _ = lease
        is_member = repo is not None and self._leases.redeem((repo, dgst), membership)
        if repo is not None and is_member:
            self._table.add(repo, dgst)
        is_meta = self._leases.redeem((None, dgst), lease.meta)
        if is_meta:
            self._table.set_meta(dgst, meta)
        return is_meta and (is_member or repo is None)

    # ---- the walk of all there is

    async def scan(self, ctx: Context) -> AsyncIterator[Batch]:
        for batch in scan(self._table):
            if ctx.has_ended():
                await ctx.fail()
            yield batch

    async def list_repository(self, ctx: Context, repo: str) -> AsyncIterator[Sequence[str]]:
        for dgsts in members_of(self._table, repo):
            if ctx.has_ended():
                await ctx.fail()
            yield dgsts

    # ---- the end

    async def aclose(self) -> None:
        """Forget everything, running leases and holds too; the backend can be used again."""
        self._table.clear()
        self._leases.clear()

    def __repr__(self) -> str:
        return f"{len(self._table)} of {self._max_entries} entries, {len(self._leases)} leases"
