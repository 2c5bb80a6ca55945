"""NearBackend: what was read from Redis, answered from the memory of this process while it is true.

Whoever writes, another process, a Go registry or `redis-cli DEL`, is heard of:
Redis pushes each change of a key that was read here (`tracking.py`), and that
voids what is near of that key (`table.py`).

    a read     near, if it is there and trusted; else from Redis, and then kept
    a write    to Redis; the keys are void near before its caller goes on
    a lease    is asked of Redis, as is all else

Of our own write Redis tells us, too, but its push comes after the reply. Who
wrote is to read what was written, so it is voided by hand, and as a whole key, in
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

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from layercache.backend import Batch, Lease, Scannable
from layercache.backends.memory.expiry import Clock
from layercache.backends.redis.backend import RedisBackend
from layercache.backends.redis.commands import (
    member_query,
    members_query,
    meta_query,
    stat_query,
    stats_query,
)
from layercache.backends.redis.near.admission import Admission
from layercache.backends.redis.near.answers import Answers
from layercache.backends.redis.near.state import NearState
from layercache.backends.redis.near.table import NearTable
from layercache.backends.redis.near.tracking import Tracking
from layercache.backends.redis.transport.link import Link
from layercache.backends.redis.turns import bursts
from layercache.context import Context
from layercache.errors import InvalidArgumentError, shown
from layercache.meta import LayerMeta
from layercache.validation import require_entries, require_seconds

LEAST_HEARTBEATS = 2  # Trust has to last until the next PING is answered.

# How long an entry is near at most: against what changes without a push. To ask for 100,000
# entries anew in this time is 330 questions a second, which nobody notices.
MAX_AGE = 300.0


class NearBackend(Scannable):
    """A table of what was read, before the Redis that it was read from."""

    def __init__(  # noqa: PLR0913, PLR0917 - RedisCache names them
        self, far: RedisBackend, link: Link, max_entries: int, max_staleness: float, clock: Clock
    ) -> None:
        """Keep at most *max_entries* of what *far* answers over *link*, which nobody has used yet."""
        require_entries("near", max_entries)
        require_seconds("max_staleness", max_staleness)
        least = LEAST_HEARTBEATS * link.heartbeat
        if not max_staleness >= least:
            raise InvalidArgumentError(
                f"max_staleness is at least {least} seconds, not {shown(max_staleness)}"
            )
        self._far = far
        self._clock = clock
        self._table = self.peek = NearTable(max_entries, MAX_AGE, clock)
        self._admission = Admission(self._table, max_entries)
        self._answers = Answers(self._admission)
        self._tracking = Tracking(self._table, clock, max_staleness)
        link.follow(self._tracking)

    @property
    def state(self) -> NearState:
        """How it is now, and what it has seen."""
        key, heard = self._tracking.last_change
        return NearState(
            self._table.is_trusted,
            len(self._table) + len(self._admission),
            self._answers.count,
            self._tracking.changes,
            key,
            self._clock() - heard,
            self._tracking.why_off,
        )

    # ---- reads: near, or else far, for which a ticket is taken before the question is sent

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        if self._has_near(repo, dgst):
            return True
        about = self._table.ask(repo), repo, dgst
        return await self._far.exchange.ask(ctx, member_query(repo, dgst), 1, self._answers.member, about)

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta | None:
        near = self._table.meta(dgst) or self._admission.meta(dgst)
        if near is not None:
            return near
        about = self._table.ask(), dgst
        return await self._far.exchange.ask(ctx, meta_query(dgst), 1, self._answers.meta, about)

    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta | None:
        near = self._stat_near(repo, dgst)
        if near is not None:
            return near
        about = self._table.ask(repo), repo, dgst
        return await self._far.exchange.ask(ctx, stat_query(repo, dgst), 2, self._answers.stat, about)

    def _has_near(self, repo: str, dgst: str) -> bool:
        return self._table.contains(repo, dgst) or self._admission.contains(repo, dgst)

    def _stat_near(self, repo: str, dgst: str) -> LayerMeta | None:
        return self._table.stat(repo, dgst) or self._admission.stat(repo, dgst)

    # ---- many: near what is, and far the rest; if meanwhile the near part changed, all of it far

    async def contains_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[bool]:
        ticket = self._table.ask(repo)
        known = {dgst: self._has_near(repo, dgst) for dgst in dgsts}
        rest = [dgst for dgst, is_member in known.items() if not is_member]
        near = known.keys() - rest
        known |= await self._ask_members(ctx, repo, rest)
        if rest and near and not self._table.holds(ticket, repo, ()):
            known = await self._ask_members(ctx, repo, list(known))
        return [known[dgst] for dgst in dgsts]

    async def _ask_members(self, ctx: Context, repo: str, dgsts: list[str]) -> dict[str, bool]:
        answers: dict[str, bool] = {}
        for some in bursts(dgsts):
            about = self._table.ask(repo), repo, some
            query = members_query(repo, some)
            answers |= await self._far.exchange.ask_about_many(
                ctx, len(some), query, 1, self._answers.members, about
            )
        return answers

    async def stat_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[LayerMeta | None]:
        ticket = self._table.ask(repo)
        known = {dgst: self._stat_near(repo, dgst) for dgst in dgsts}
        rest = [dgst for dgst, meta in known.items() if meta is None]
        near = known.keys() - rest
        known |= await self._ask_stats(ctx, repo, rest)
        if rest and near and not self._table.holds(ticket, repo, near):
            known = await self._ask_stats(ctx, repo, list(known))
        return [known[dgst] for dgst in dgsts]

    async def _ask_stats(self, ctx: Context, repo: str, dgsts: list[str]) -> dict[str, LayerMeta | None]:
        answers: dict[str, LayerMeta | None] = {}
        for some in bursts(dgsts):
            about = self._table.ask(repo), repo, some
            query = stats_query(repo, some)
            answers |= await self._far.exchange.ask_about_many(
                ctx, len(some), query, len(some) + 1, self._answers.stats, about
            )
        return answers

    # ---- writes

    async def add(self, ctx: Context, repo: str, dgst: str) -> None:
        with self._changing(repo, None):
            await self._far.add(ctx, repo, dgst)

    async def set_meta(self, ctx: Context, dgst: str, meta: LayerMeta) -> None:
        with self._changing(None, dgst):
            await self._far.set_meta(ctx, dgst, meta)

    async def put(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> None:
        with self._changing(repo, dgst):
            await self._far.put(ctx, repo, dgst, meta)

    async def remove(self, ctx: Context, repo: str | None, dgst: str) -> None:
        with self._changing_half(repo, dgst):
            await self._far.remove(ctx, repo, dgst)

    async def begin_removal(self, ctx: Context, repo: str | None, dgst: str) -> str:
        with self._changing_half(repo, dgst):
            return await self._far.begin_removal(ctx, repo, dgst)

    async def end_removal(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        with self._changing_half(repo, dgst):
            await self._far.end_removal(ctx, repo, dgst, marker, has_returned=has_returned)

    async def lease(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
        return await self._far.lease(ctx, repo, dgst)

    async def fill(self, ctx: Context, lease: Lease, meta: LayerMeta) -> bool:
        with self._changing(lease.repo, lease.dgst):
            return await self._far.fill(ctx, lease, meta)

    def _changing_half(self, repo: str | None, dgst: str) -> AbstractContextManager[None]:
        return self._changing(None, dgst) if repo is None else self._changing(repo, None)

    @contextmanager
    def _changing(self, repo: str | None, dgst: str | None) -> Iterator[None]:
        """Void the members of *repo* and the meta of *dgst* when the block has ended."""
        try:
            yield
        finally:
            if repo is not None:
                self._table.change_members(repo)
            if dgst is not None:
                self._table.change_meta(dgst)

    # ---- the walk of all there is, and the end

    def scan(self, ctx: Context) -> AsyncIterator[Batch]:
        """Walk all that Redis knows."""
        return self._far.scan(ctx)

    def list_repository(self, ctx: Context, repo: str) -> AsyncIterator[Sequence[str]]:
        """Walk the digests of *repo* that Redis knows."""
        return self._far.list_repository(ctx, repo)

    async def discard(self, ctx: Context, repo: str) -> bool:
        """Drop what lies in the place of the members of *repo* if it is no set."""
        with self._changing(repo, None):
            return await self._far.discard(ctx, repo)

    async def aclose(self) -> None:
        """Close the connection, with which nothing near is trusted any more."""
        await self._far.aclose()

    def __repr__(self) -> str:
        trust = "trusted" if self._table.is_trusted else "not trusted"
        return f"{self.state.entries} entries near, {trust}, before {self._far!r}"
