"""RedisBackend: what is known of layers, in a Redis that others share.

`fill` writes three keys in one burst: the scoped hash, the meta, the membership
(see `schema.py`). The last two are guarded by their leases. The first is not,
for it lies in a cluster slot of its own, and need not be: nobody asks it before
the set. A fill that is refused may leave it behind, or an older media type in
it, which a Go registry would see; it never makes a yes. To write it only after
the membership was stored would be worse: a Go registry that finds a member
without it takes that for a failure, asks the storage, and stores the answer,
which no lease guards. For the same reason a removal clears the set first.

A time to live makes what is written end by itself, some of it sooner, so that
not all ends at once. A set ends as a whole, that long after its last member was
added. So in a repository that is in use, an abandoned entry ends with its meta:
`stat` forgets it then, `contains` does not.
"""

from collections.abc import AsyncIterator, Coroutine, Sequence
from random import Random
from typing import NamedTuple

from layercache.backend import Batch, Lease, Scannable
from layercache.backends.redis import commands, scan, schema, scripts
from layercache.backends.redis.commands import Command
from layercache.backends.redis.exchange import Exchange, retry_once
from layercache.backends.redis.turns import bursts
from layercache.context import Context
from layercache.meta import LayerMeta

JITTER = 0.1  # of the time to live, which is cut by up to this part


class Lives(NamedTuple):
    """How long what is written lives.

    Attributes:
        entry: Milliseconds of an entry; 0: for ever.
        lease: Milliseconds of a lease.
        marker: Milliseconds of a removal marker.
    """

    entry: int
    lease: int
    marker: int


class RedisBackend(Scannable):
    """Asks one Redis for everything.

    Attributes:
        exchange: The one way to the server.
    """

    def __init__(self, exchange: Exchange, lives: Lives) -> None:
        self.exchange: Exchange = exchange
        self._lives = lives
        self._random = Random()  # noqa: S311 - it only spreads expiries

    # ---- reads: the coroutine of the exchange itself, for one more is 4 to 7 % of a read

    def contains(self, ctx: Context, repo: str, dgst: str) -> Coroutine[object, object, bool]:
        return self.exchange.ask(ctx, commands.member_query(repo, dgst), 1, schema.to_membership, repo)

    def meta(self, ctx: Context, dgst: str) -> Coroutine[object, object, LayerMeta | None]:
        return self.exchange.ask(ctx, commands.meta_query(dgst), 1, schema.to_meta, dgst)

    def stat(self, ctx: Context, repo: str, dgst: str) -> Coroutine[object, object, LayerMeta | None]:
        return self.exchange.ask(ctx, commands.stat_query(repo, dgst), 2, schema.to_stat, (repo, dgst))

    async def contains_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[bool]:
        found: list[bool] = []
        for some in bursts(dgsts):
            query, about = commands.members_query(repo, some), (repo, some)
            found += await self.exchange.ask_about_many(
                ctx, len(some), query, 1, schema.to_memberships, about
            )
        return found

    async def stat_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[LayerMeta | None]:
        found: list[LayerMeta | None] = []
        for some in bursts(dgsts):
            query, about, replies = commands.stats_query(repo, some), (repo, some), len(some) + 1
            found += await self.exchange.ask_about_many(
                ctx, len(some), query, replies, schema.to_stats, about
            )
        return found

    # ---- writes without a lease

    async def add(self, ctx: Context, repo: str, dgst: str) -> None:
        await self._store(ctx, commands.open_scoped(repo, dgst), commands.store_member(repo, dgst))

    async def set_meta(self, ctx: Context, dgst: str, meta: LayerMeta) -> None:
        await self._store(ctx, commands.store_meta(dgst, meta))

    async def put(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> None:
        scoped = commands.store_scoped(repo, dgst, meta.media_type)
        await self._store(ctx, scoped, commands.store_meta(dgst, meta), commands.store_member(repo, dgst))

    async def _store(self, ctx: Context, *stores: Command) -> None:
        await self.exchange.send(ctx, [command for store in stores for command in self._expiring(store)])

    def _expiring(self, store: Command) -> list[Command]:
        return [store, commands.expire(store.key, self._some_life())] if self._lives.entry else [store]

    def _some_life(self) -> int:
        """Milliseconds that what is stored now may live; 0: for ever."""
        life = self._lives.entry
        return life and max(1, round(life * self._random.uniform(1 - JITTER, 1)))

    # ---- what is gone

    async def remove(self, ctx: Context, repo: str | None, dgst: str) -> None:
        await self._clear(ctx, scripts.clear(_half(repo, dgst)), repo, dgst)

    async def begin_removal(self, ctx: Context, repo: str | None, dgst: str) -> str:
        async def announce() -> str:
            marker = scripts.new_marker()
            close = scripts.close(_half(repo, dgst), marker, self._lives.marker)
            await self.exchange.send(ctx, [close, *_scoped(repo, dgst)])
            self.exchange.brackets.begin(marker)
            return marker

        return await retry_once(announce)

    async def end_removal(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        half = _half(repo, dgst)
        step = scripts.clear(half, marker) if has_returned else scripts.hold(half, self._lives.marker)
        try:
            await self._clear(ctx, step, repo, dgst)
        finally:
            self.exchange.brackets.end(marker)

    async def _clear(self, ctx: Context, step: Command, repo: str | None, dgst: str) -> None:
        await retry_once(lambda: self.exchange.send(ctx, [step, *_scoped(repo, dgst)]))

    # ---- leases

    async def lease(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
        halves = [_half(None, dgst)] if repo is None else [_half(None, dgst), _half(repo, dgst)]

        async def request() -> list[object]:
            return await self.exchange.send(
                ctx, [scripts.lease(half, scripts.new_token(), self._lives.lease) for half in halves]
            )

        replies = await retry_once(request)
        tokens = [scripts.to_token(half, reply) for half, reply in zip(halves, replies, strict=True)]
        meta, membership = (*tokens, "")[:2]
        return None if meta is None or membership is None else Lease(repo, dgst, membership, meta)

    async def fill(self, ctx: Context, lease: Lease, meta: LayerMeta) -> bool:
        repo, dgst, membership_token, meta_token = lease
        life = self._some_life()
        fills = [scripts.fill(_half(None, dgst), meta_token, commands.store_meta(dgst, meta), life)]
        scoped: list[Command] = []
        if repo is not None:
            scoped = self._expiring(commands.store_scoped(repo, dgst, meta.media_type))
            member = commands.store_member(repo, dgst)
            fills.append(scripts.fill(_half(repo, dgst), membership_token, member, life))
        replies = await retry_once(lambda: self.exchange.send(ctx, [*scoped, *fills]))
        return replies[len(scoped) :] == [1] * len(fills)

    # ---- the walk of all there is

    def scan(self, ctx: Context) -> AsyncIterator[Batch]:
        """Walk all that is known; the server must allow SCAN, SSCAN, HLEN and INFO."""
        return scan.scan(ctx, self.exchange)

    def list_repository(self, ctx: Context, repo: str) -> AsyncIterator[Sequence[str]]:
        """Walk the digests of *repo*; the server must allow SSCAN and INFO."""
        return scan.list_repository(ctx, self.exchange, repo)

    async def discard(self, ctx: Context, repo: str) -> bool:
        """Drop what lies in the place of the members of *repo* if it is no set."""
        return await scan.discard(ctx, self.exchange, repo)

    async def aclose(self) -> None:
        """Close the connection; an operation that waits fails."""
        await self.exchange.aclose()

    def __repr__(self) -> str:
        return repr(self.exchange)


def _half(repo: str | None, dgst: str) -> scripts.Half:
    return scripts.meta_of(dgst) if repo is None else scripts.membership(repo, dgst)


def _scoped(repo: str | None, dgst: str) -> list[Command]:
    """What is cleared along with a membership, in another slot than it."""
    return [] if repo is None else [commands.clear_scoped(repo, dgst)]
