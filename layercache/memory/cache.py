"""MemoryCache: what one process remembers, for as long as it runs."""

import time
from collections.abc import AsyncIterator, Sequence
from typing import NoReturn, cast, final

from layercache.backend import Lease
from layercache.checks import require_key, require_seconds
from layercache.context import Context
from layercache.errors import BackendError, InvalidArgumentError, NotFoundError
from layercache.memory.expiry import Clock
from layercache.memory.leases import Leases
from layercache.memory.near import NearTable
from layercache.memory.scan import scan
from layercache.memory.table import Table
from layercache.meta import LayerMeta
from layercache.names import Digest, Repository
from layercache.scan import Batch, ScannableCache

MOST_ENTRIES = 2**31


@final
class MemoryCache(ScannableCache):
    """A layer info cache in the memory of this process.

    It is bounded in everything, and chooses what has to go by how often it was
    asked for (`docs/explanation/eviction.md`). A layer takes about 230 bytes.
    No operation suspends its task, so each is one step for every other task.

    Not promised: use from two threads at a time.
    """

    def __init__(
        self, max_entries: int = 100_000, *, ttl: float | None = None, clock: Clock = time.monotonic
    ) -> None:
        """Remember at most *max_entries*.

        Args:
            max_entries: A whole number, from 1 to 2**31. A layer, with its
                meta and one repository, is one entry; each further repository
                of it is one more.
            ttl: Seconds, more than 0, after which a membership or a meta that
                was not stored again is a miss. Each lives up to a tenth less,
                so that what was stored together does not end together. None:
                it is known until it has to go.
            clock: Seconds from some fixed moment; the tests turn it by hand.

        Raises:
            InvalidArgumentError: *max_entries* or *ttl* is out of range, or
                no number.
        """
        if not (type(max_entries) is int and 1 <= max_entries <= MOST_ENTRIES):
            raise InvalidArgumentError(f"a cache has 1 to 2**31 entries, not {max_entries!r}")
        if ttl is not None:
            require_seconds("a ttl", ttl)
        self._max_entries = max_entries
        self._ttl = ttl
        self._clock = clock
        self._is_lent = False
        self._begin()

    def _begin(self) -> None:
        self._table: Table = Table(self._max_entries, self._ttl, self._clock)
        self._leases = Leases(self._clock)

    def _lend(self) -> NearTable:
        """Return a table of this size, which the caller keeps true; this cache refuses all from now on.

        Raises:
            InvalidArgumentError: It was lent already.
        """
        if self._is_lent:
            raise InvalidArgumentError(f"the near memory of another cache: {self!r}")
        self._is_lent = True
        # No look at a flag in what is called most: what stands in the place of both refuses by itself.
        self._table = cast("Table", _Lent())
        self._leases = cast("Leases", _Lent())
        return NearTable(self._max_entries, self._ttl, self._clock)

    def __repr__(self) -> str:
        if self._is_lent:
            return f"<MemoryCache of {self._max_entries} entries, lent to a TieredCache>"
        entries, leases = len(self._table), len(self._leases)
        return f"<MemoryCache {entries} of {self._max_entries} entries, {leases} leases>"

    async def aclose(self) -> None:
        """Forget everything, running leases too; unless it is lent, the cache can be used again."""
        if not self._is_lent:
            self._begin()

    async def scan(self, ctx: Context) -> AsyncIterator[Batch]:
        """Walk all that is known; it may change between one batch and the next."""
        for batch in scan(self._table):
            ctx.check()
            yield batch

    # The two words that are said most. The contract has them final, so that no
    # backend forgets a check; here its second coroutine would be 110 ns of 700.

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:  # type: ignore[misc]  # see above
        """Return whether *repo* is known to have *dgst*, as the contract says it."""
        if type(dgst) is not Digest or type(repo) is not Repository:
            require_key(repo, dgst)
        ctx.check()
        return self._table.contains(repo, dgst)

    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:  # type: ignore[misc]  # see above
        """Return where *dgst* lies if *repo* is known to have it, as the contract says it."""
        if type(dgst) is not Digest or type(repo) is not Repository:
            require_key(repo, dgst)
        ctx.check()
        return self._table.stat(repo, dgst) or _missing(dgst)

    async def _contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        return self._table.contains(repo, dgst)

    async def _meta(self, ctx: Context, dgst: str) -> LayerMeta:
        return self._table.meta(dgst) or _missing(dgst)

    async def _stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
        return self._table.stat(repo, dgst) or _missing(dgst)

    async def _contains_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[bool]:
        return [self._table.contains(repo, dgst) for dgst in dgsts]

    async def _stat_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[LayerMeta | None]:
        return [self._table.stat(repo, dgst) for dgst in dgsts]

    async def _add(self, ctx: Context, repo: str, dgst: str) -> None:
        self._table.add(repo, dgst)

    async def _set_meta(self, ctx: Context, dgst: str, meta: LayerMeta) -> None:
        self._table.set_meta(dgst, meta)

    async def _put(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> None:
        self._table.put(repo, dgst, meta)

    async def _remove(self, ctx: Context, repo: str, dgst: str) -> None:
        self._clear(repo, dgst)
        self._leases.void((repo, dgst))

    async def _forget(self, ctx: Context, dgst: str) -> None:
        self._clear(None, dgst)
        self._leases.void((None, dgst))

    async def _lease(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
        leases, meta = self._leases, (None, dgst)
        if leases.is_closing(meta) or leases.is_closing((repo, dgst)):
            return None
        membership = "" if repo is None else leases.token((repo, dgst))
        return Lease(repo, dgst, membership, leases.token(meta))

    async def _fill(self, ctx: Context, lease: Lease, meta: LayerMeta) -> bool:
        repo, dgst, membership, _ = lease
        is_member = repo is not None and self._leases.redeem((repo, dgst), membership)
        if repo is not None and is_member:
            self._table.add(repo, dgst)
        is_meta = self._leases.redeem((None, dgst), lease.meta)
        if is_meta:
            self._table.set_meta(dgst, meta)
        return is_meta and (is_member or repo is None)

    async def _begin_closing(self, ctx: Context, repo: str | None, dgst: str) -> str:
        self._clear(repo, dgst)
        return self._leases.close((repo, dgst))

    async def _end_closing(self, ctx: Context, repo: str | None, dgst: str, marker: str) -> None:
        self._clear(repo, dgst)
        self._leases.reopen((repo, dgst), marker)

    def _clear(self, repo: str | None, dgst: str) -> None:
        if repo is None:
            self._table.forget(dgst)
        else:
            self._table.remove(repo, dgst)


class _Lent:
    """Stands where a cache had what it knew, and refuses whoever asks for any of it."""

    def __getattr__(self, name: str) -> NoReturn:
        raise BackendError("this MemoryCache is the near memory of a TieredCache: ask that one")


def _missing(dgst: str) -> NoReturn:
    raise NotFoundError(dgst)
