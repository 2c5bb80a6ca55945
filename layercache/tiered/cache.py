"""TieredCache: what was read from Redis, answered from the memory of this process while it is true.

Whoever writes, another process, a Go registry or `redis-cli DEL`, is heard of:
Redis pushes each change of a key that was read here (`tracking.py`), and it voids
what is near of that key (`layercache/memory/near.py`).

    a read     near, if it is there and trusted; else from the far cache, and then kept
    a write    to the far cache; the keys are void near before its caller goes on
    a lease    is the far cache's affair, as is all else

Of our own write Redis tells us, too, but its push comes after the reply. Who
wrote is to read what he wrote, so it is voided by hand, and as a whole key, in
the turn in which its task goes on. However the write ended: an error does not
say that nothing was written.

What is promised, against every other process that writes:

- An answer is never older than the time that a push needs to come here. If none
  comes any more, because the network died, never older than `max_staleness`.
- A task that has seen a change does not see the time before it.
- A caller reads what it has written.

Limits: what changes in Redis without a push is true here for the maximum age of
an entry: SWAPDB, and an expiry that Redis has not got around to carrying out. A
machine that is suspended stops the clock by which trust ends.
"""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TypeVar

from layercache.backend import Lease
from layercache.checks import require_key, require_seconds
from layercache.context import Context
from layercache.errors import InvalidArgumentError
from layercache.forwarding import ForwardingCache
from layercache.memory import MemoryCache
from layercache.memory.near import ABSENT
from layercache.meta import LayerMeta
from layercache.redis.cache import BURST, RedisCache
from layercache.redis.commands import member_query, members_query, meta_query, stat_query
from layercache.tiered.answers import Answers
from layercache.tiered.near import DOOR_SHARE, Near, found
from layercache.tiered.state import TieredState
from layercache.tiered.tracking import Tracking

T = TypeVar("T")

MAX_STALENESS = 2.0  # seconds
LEAST_HEARTBEATS = 2  # Trust has to last until the next PING is answered.


class TieredCache(ForwardingCache):
    """A Redis cache with a near memory, which Redis itself keeps true."""

    def __init__(
        self,
        near: MemoryCache,
        far: RedisCache,
        *,
        max_staleness: float = MAX_STALENESS,
        keep_misses: bool = False,
    ) -> None:
        """Put *near* before *far*.

        Args:
            near: Its size is that of the near memory, its ttl the longest that
                an entry stays there, as is seen at each heartbeat that the
                server answers; its clock is the one that trust ends by. What it
                knew is forgotten, and it is this cache's alone: whoever else
                asks it, or writes to it, gets a `BackendError` from now on.
            far: Closed with this one, and not used before.
            max_staleness: Seconds after which the near memory is silent if the
                server is. At least two heartbeats of the link, 1.0.
            keep_misses: Whether to remember near what Redis does not know, too,
                for as long as it does not. Where a miss leads to the storage
                anyway, that saves little.

        Raises:
            InvalidArgumentError: *max_staleness* is too little, *far* was used
                already, *near* is another's, or one of the two is of a
                subclass: what that overrides would have no effect.
        """
        for cache, kind in ((near, MemoryCache), (far, RedisCache)):
            if type(cache) is not kind:
                found = type(cache).__name__
                raise InvalidArgumentError(f"a {kind.__name__} itself is wanted, not a {found}")
        super().__init__(far)
        require_seconds("max_staleness", max_staleness)
        least = LEAST_HEARTBEATS * far._link.heartbeat
        if not max_staleness >= least:
            raise InvalidArgumentError(f"max_staleness is at least {least} seconds, not {max_staleness!r}")
        self._near = near
        self._exchange = far._exchange
        self._clock = near._clock
        self._table = near._lend()
        self._recall = Near(self._table, max(1, near._max_entries // DOOR_SHARE), keep_misses)
        self._answers = Answers(self._recall)
        self._tracking = Tracking(self._table, near._clock, max_staleness)
        far._link.follow(self._tracking)

    @property
    def state(self) -> TieredState:
        """How it is now, and what it has seen."""
        key, heard = self._tracking.last_change
        return TieredState(
            self._tracking.is_trusted,
            len(self._recall),
            self._answers.count,
            self._tracking.changes,
            key,
            self._clock() - heard,
        )

    def __repr__(self) -> str:
        state = "trusted" if self._tracking.is_trusted else "silent"
        return f"<TieredCache {len(self._recall)} entries near, {state}, before {self._cache!r}>"

    # ---- the two words that are said most, in one coroutine as those of MemoryCache

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:  # type: ignore[misc]  # see above
        """Return whether *repo* is known to have *dgst*, as the contract says it."""
        is_trusted = self._clock() < self._tracking.trusted_until
        if is_trusted and self._table.contains(repo, dgst):
            ctx.check()
            return True
        # Only now: what is found near, by its hash and its equality, was looked at when far was asked.
        require_key(repo, dgst)
        ctx.check()
        if is_trusted and (known := self._recall.member(repo, dgst)) is not None:
            return known
        return await self._ask_member(ctx, repo, dgst)

    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:  # type: ignore[misc]  # see above
        """Return where *dgst* lies if *repo* is known to have it, as the contract says it."""
        is_trusted = self._clock() < self._tracking.trusted_until
        if is_trusted and (meta := self._table.stat(repo, dgst)) is not None:
            ctx.check()
            return meta
        require_key(repo, dgst)
        ctx.check()
        if is_trusted and (known := self._recall.stat(repo, dgst)) is not None:
            return found(known, dgst)
        return await self._ask_stat(ctx, repo, dgst)

    # ---- near

    async def _contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        known = self._known_member(repo, dgst) if self._tracking.is_trusted else None
        return await self._ask_member(ctx, repo, dgst) if known is None else known

    async def _meta(self, ctx: Context, dgst: str) -> LayerMeta:
        if self._tracking.is_trusted:
            known = self._table.meta(dgst) or self._recall.meta(dgst)
            if known is not None:
                return found(known, dgst)
        return await self._ask_meta(ctx, dgst)

    async def _stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
        known = self._known_stat(repo, dgst) if self._tracking.is_trusted else None
        return await self._ask_stat(ctx, repo, dgst) if known is None else found(known, dgst)

    def _known_member(self, repo: str, dgst: str) -> bool | None:
        return self._table.contains(repo, dgst) or self._recall.member(repo, dgst)

    def _known_stat(self, repo: str, dgst: str) -> LayerMeta | None:
        return self._table.stat(repo, dgst) or self._recall.stat(repo, dgst)

    # ---- far; a ticket is taken before the question is sent

    def _ask_member(self, ctx: Context, repo: str, dgst: str) -> Coroutine[object, object, bool]:
        about = self._table.ask(repo), repo, dgst
        return self._exchange.ask(ctx, member_query(repo, dgst), 1, self._answers.member, about)

    def _ask_meta(self, ctx: Context, dgst: str) -> Coroutine[object, object, LayerMeta]:
        about = self._table.ask(), dgst
        return self._exchange.ask(ctx, meta_query(dgst), 1, self._answers.meta, about)

    def _ask_stat(self, ctx: Context, repo: str, dgst: str) -> Coroutine[object, object, LayerMeta]:
        about = self._table.ask(repo), repo, dgst
        return self._exchange.ask(ctx, stat_query(repo, dgst), 2, self._answers.stat, about)

    # ---- many: near what is, and one burst for the rest; if meanwhile the first part changed, for all

    async def _contains_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[bool]:
        ticket = self._table.ask(repo)
        known = self._known(self._known_member, repo, dgsts)
        rest = [dgst for dgst, answer in known.items() if answer is None]
        near = known.keys() - rest
        known |= await self._ask_members(ctx, repo, rest)
        if rest and near and not self._table.holds(ticket, repo, ()):
            known = await self._ask_members(ctx, repo, list(known))
        return [bool(known[dgst]) for dgst in dgsts]

    async def _ask_members(self, ctx: Context, repo: str, dgsts: list[str]) -> dict[str, bool | None]:
        if not dgsts:
            return {}
        about = self._table.ask(repo), repo, dgsts
        return await self._exchange.ask(ctx, members_query(repo, dgsts), 1, self._answers.members, about)

    async def _stat_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[LayerMeta | None]:
        ticket = self._table.ask(repo)
        known = self._known(self._known_stat, repo, dgsts)
        rest = [dgst for dgst, answer in known.items() if answer is None]
        near = known.keys() - rest
        known |= await self._ask_stats(ctx, repo, rest)
        if rest and near and not self._table.holds(ticket, repo, near):
            known = await self._ask_stats(ctx, repo, list(known))
        return [None if known[dgst] is ABSENT else known[dgst] for dgst in dgsts]

    async def _ask_stats(self, ctx: Context, repo: str, dgsts: list[str]) -> dict[str, LayerMeta | None]:
        answers: dict[str, LayerMeta | None] = {}
        for start in range(0, len(dgsts), BURST):
            some = dgsts[start : start + BURST]
            about = self._table.ask(repo), repo, some
            query = "".join(map(meta_query, some)) + members_query(repo, some)
            answers |= await self._exchange.ask(ctx, query, len(some) + 1, self._answers.stats, about)
        return answers

    def _known(
        self, recall: Callable[[str, str], T | None], repo: str, dgsts: Sequence[str]
    ) -> dict[str, T | None]:
        if not self._tracking.is_trusted:
            return dict.fromkeys(dgsts)
        return {dgst: recall(repo, dgst) for dgst in dgsts}

    # ---- writes

    def _add(self, ctx: Context, repo: str, dgst: str) -> Coroutine[object, object, None]:
        return self._written(repo, None, super()._add(ctx, repo, dgst))

    def _set_meta(self, ctx: Context, dgst: str, meta: LayerMeta) -> Coroutine[object, object, None]:
        return self._written(None, dgst, super()._set_meta(ctx, dgst, meta))

    def _put(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> Coroutine[object, object, None]:
        return self._written(repo, dgst, super()._put(ctx, repo, dgst, meta))

    def _remove(self, ctx: Context, repo: str, dgst: str) -> Coroutine[object, object, None]:
        return self._written(repo, None, super()._remove(ctx, repo, dgst))

    def _forget(self, ctx: Context, dgst: str) -> Coroutine[object, object, None]:
        return self._written(None, dgst, super()._forget(ctx, dgst))

    def _fill(self, ctx: Context, lease: Lease, meta: LayerMeta) -> Coroutine[object, object, bool]:
        return self._written(lease.repo, lease.dgst, super()._fill(ctx, lease, meta))

    def _begin_closing(self, ctx: Context, repo: str | None, dgst: str) -> Coroutine[object, object, str]:
        return self._written(*_half(repo, dgst), super()._begin_closing(ctx, repo, dgst))

    def _end_closing(
        self, ctx: Context, repo: str | None, dgst: str, marker: str
    ) -> Coroutine[object, object, None]:
        return self._written(*_half(repo, dgst), super()._end_closing(ctx, repo, dgst, marker))

    async def _written(self, repo: str | None, dgst: str | None, writing: Awaitable[T]) -> T:
        """Await *writing* of the members of *repo* and of the meta of *dgst*, and then void both."""
        try:
            return await writing
        finally:
            if repo is not None:
                self._table.change_members(repo)
            if dgst is not None:
                self._table.change_meta(dgst)


def _half(repo: str | None, dgst: str) -> tuple[str | None, str | None]:
    """What a bracket writes: the members of *repo*, or the meta of *dgst*."""
    return (repo, None) if repo is not None else (None, dgst)
