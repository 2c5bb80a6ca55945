"""RedisCache: what is known of layers, in a Redis that others share.

`fill` writes three keys in one burst: the scoped hash, the meta, the membership
(see `schema.py`). The last two are guarded by their leases. The first is not,
for it lies in a cluster slot of its own, and need not be: nobody asks it before
the set. A fill that is refused may leave it behind, or an older media type in
it, which a Go registry would see; it never makes a yes. To write it only after
the membership was stored would be worse: a Go registry that finds a member
without it takes that for a failure, asks the storage, and stores the answer,
which no lease guards. For the same reason a removal clears the set first.

`ttl` makes what is written end by itself, some of it sooner, so that not all
ends at once. A set ends as a whole, that long after its last member was added.
So in a repository that is in use, an abandoned entry ends with its meta: `stat`
forgets it then, `contains` does not.
"""

from collections.abc import AsyncIterator, Coroutine, Sequence
from random import Random
from typing import TypeVar, final

from redis.asyncio import ConnectionPool

from layercache.backend import Lease
from layercache.brackets import HOLD_SECONDS
from layercache.checks import require_digest, require_key, require_seconds
from layercache.context import ROOT, Context
from layercache.errors import InvalidArgumentError, shown
from layercache.meta import LayerMeta
from layercache.names import Digest, Repository
from layercache.redis import commands, scan, schema, scripts
from layercache.redis.commands import Command
from layercache.redis.credentials import sealed
from layercache.redis.exchange import Exchange, refuse, twice
from layercache.redis.handshake import Handshake
from layercache.redis.link import Link
from layercache.redis.turns import bursts
from layercache.redis.wire import LinkLost
from layercache.scan import Batch, ScannableCache

T = TypeVar("T")
Reading = Coroutine[object, object, T]

LEASE_SECONDS = 30.0
LONGEST_SECONDS = 1e9  # some thirty years; Redis refuses what ends after its calendar does
JITTER = 0.1  # of the ttl, which is cut by up to this part


@final  # What a subclass did to the twins of the words said most would have no effect.
class RedisCache(ScannableCache):
    """A layer info cache in a Redis, shared with other processes and with Go registries."""

    @sealed
    def __init__(
        self,
        source: str | ConnectionPool | Link,
        *,
        ttl: float | None = None,
        lease_seconds: float = LEASE_SECONDS,
        closing_seconds: float = HOLD_SECONDS,
    ) -> None:
        """Make a cache; it connects when it is first asked something.

        Args:
            source: A URL, `redis://`, `rediss://` or `unix://` in redis-py's
                grammar; a pool of `redis.asyncio`, that of a Sentinel's master
                too, which is read for its settings and never asked for a
                connection; or a link, which is then this cache's to close.
            ttl: Seconds after which what was written ends, or up to a tenth of
                them sooner; None: never. A repository's set of members ends as
                a whole, this long after the last of them was added.
            lease_seconds: How long a lease lasts; a storage that takes longer
                to answer has been asked in vain.
            closing_seconds: How long a marker keeps leases from being given
                while a removal is under way; one that takes longer is still
                safe, unless its process dies or its end fails. As long does
                a hold, from when the body of a removal was interrupted: more
                than the storage may take to carry out what it was asked for.

        Raises:
            InvalidArgumentError: *source* makes no sense, or a time is not
                above zero and at most 1e9 seconds.
        """
        self._link = source if isinstance(source, Link) else _link(source)
        self._exchange = Exchange(self._link)
        self._ttl = ttl
        self._life = 0 if ttl is None else _milliseconds("ttl", ttl)
        self._lease_life = _milliseconds("lease_seconds", lease_seconds)
        self._marker_life = _milliseconds("closing_seconds", closing_seconds)
        self._random = Random()  # noqa: S311 - it only spreads expiries

    async def aclose(self) -> None:
        """Close the connection; an operation that waits fails."""
        await self._link.aclose()

    def __repr__(self) -> str:
        return f"<RedisCache on {self._link!r}, ttl {self._ttl}>"

    # ---- the hot path: one coroutine, for a second is 4 to 7 % of a read; the root's checks are 2 %

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:  # type: ignore[misc]  # see above
        """Return whether *repo* is known to have *dgst*, as the contract says it."""
        if type(dgst) is not Digest or type(repo) is not Repository:
            require_key(repo, dgst)
        if ctx is not ROOT and ctx.has_ended():
            await ctx.fail()
        wire = self._link.wire
        if wire is None:
            return await self._contains(ctx, repo, dgst)
        try:
            future = wire.call(commands.member_query(repo, dgst))
            if ctx is not ROOT:
                ctx.bind(future)
            return schema.to_membership(repo, await future)
        except LinkLost:
            return await self._contains(ctx, repo, dgst, again=False)
        except Exception as trouble:  # noqa: BLE001 - as in `ask`
            await refuse(trouble, wire, schema.members_key(repo))

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:  # type: ignore[misc]  # see above
        """Return where *dgst* lies, as the contract says it."""
        if type(dgst) is not Digest:
            require_digest(dgst)
        if ctx is not ROOT and ctx.has_ended():
            await ctx.fail()
        wire = self._link.wire
        if wire is None:
            return await self._meta(ctx, dgst)
        try:
            future = wire.call(commands.meta_query(dgst))
            if ctx is not ROOT:
                ctx.bind(future)
            return schema.to_meta(dgst, await future)
        except LinkLost:
            return await self._meta(ctx, dgst, again=False)
        except Exception as trouble:  # noqa: BLE001 - as in `ask`
            await refuse(trouble, wire, schema.meta_key(dgst))

    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:  # type: ignore[misc]  # see above
        """Return where *dgst* lies if *repo* is known to have it, as the contract says it."""
        if type(dgst) is not Digest or type(repo) is not Repository:
            require_key(repo, dgst)
        if ctx is not ROOT and ctx.has_ended():
            await ctx.fail()
        wire = self._link.wire
        if wire is None:
            return await self._stat(ctx, repo, dgst)
        try:
            future = wire.call(commands.stat_query(repo, dgst), 2)
            if ctx is not ROOT:
                ctx.bind(future)
            return schema.to_stat((repo, dgst), await future)
        except LinkLost:
            return await self._stat(ctx, repo, dgst, again=False)
        except Exception as trouble:  # noqa: BLE001 - as in `ask`
            await refuse(trouble, wire)

    # ---- reads

    def _contains(self, ctx: Context, repo: str, dgst: str, *, again: bool = True) -> Reading[bool]:
        query = commands.member_query(repo, dgst)
        return self._exchange.ask(ctx, query, 1, schema.to_membership, repo, again)

    def _meta(self, ctx: Context, dgst: str, *, again: bool = True) -> Reading[LayerMeta]:
        return self._exchange.ask(ctx, commands.meta_query(dgst), 1, schema.to_meta, dgst, again)

    def _stat(self, ctx: Context, repo: str, dgst: str, *, again: bool = True) -> Reading[LayerMeta]:
        query = commands.stat_query(repo, dgst)
        return self._exchange.ask(ctx, query, 2, schema.to_stat, (repo, dgst), again)

    async def _contains_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[bool]:
        found: list[bool] = []
        for some in bursts(dgsts):
            query, about = commands.members_query(repo, some), (repo, some)
            found += await self._exchange.ask_about_many(
                ctx, len(some), query, 1, schema.to_memberships, about
            )
        return found

    async def _stat_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[LayerMeta | None]:
        found: list[LayerMeta | None] = []
        for some in bursts(dgsts):
            query, about, replies = commands.stats_query(repo, some), (repo, some), len(some) + 1
            found += await self._exchange.ask_about_many(
                ctx, len(some), query, replies, schema.to_stats, about
            )
        return found

    # ---- plain words

    async def _add(self, ctx: Context, repo: str, dgst: str) -> None:
        await self._store(ctx, commands.open_scoped(repo, dgst), commands.store_member(repo, dgst))

    async def _set_meta(self, ctx: Context, dgst: str, meta: LayerMeta) -> None:
        await self._store(ctx, commands.store_meta(dgst, meta))

    async def _put(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> None:
        scoped = commands.store_scoped(repo, dgst, meta.media_type)
        await self._store(ctx, scoped, commands.store_meta(dgst, meta), commands.store_member(repo, dgst))

    async def _store(self, ctx: Context, *stores: Command) -> None:
        await self._exchange.send(ctx, [command for store in stores for command in self._ending(store)])

    def _ending(self, store: Command) -> list[Command]:
        return [store, commands.expire(store.key, self._some_life())] if self._life else [store]

    def _some_life(self) -> int:
        """Milliseconds that what is stored now may live; 0: for ever."""
        return self._life and max(1, round(self._life * self._random.uniform(1 - JITTER, 1)))

    # ---- what is gone

    async def _remove(self, ctx: Context, repo: str, dgst: str) -> None:
        await self._clear(ctx, scripts.clear(_half(repo, dgst)), repo, dgst)

    async def _forget(self, ctx: Context, dgst: str) -> None:
        await self._clear(ctx, scripts.clear(_half(None, dgst)), None, dgst)

    async def _begin_closing(self, ctx: Context, repo: str | None, dgst: str) -> str:
        async def announce() -> str:
            marker = scripts.new_marker()
            close = scripts.close(_half(repo, dgst), marker, self._marker_life)
            await self._exchange.send(ctx, [close, *_scoped(repo, dgst)])
            self._link.brackets.begin(marker)
            return marker

        return await twice(announce)

    async def _end_closing(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        half = _half(repo, dgst)
        step = scripts.clear(half, marker) if has_returned else scripts.hold(half, self._marker_life)
        try:
            await self._clear(ctx, step, repo, dgst)
        finally:
            self._link.brackets.end(marker)

    async def _clear(self, ctx: Context, step: Command, repo: str | None, dgst: str) -> None:
        await twice(lambda: self._exchange.send(ctx, [step, *_scoped(repo, dgst)]))

    # ---- leases

    async def _lease(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
        halves = [_half(None, dgst)] if repo is None else [_half(None, dgst), _half(repo, dgst)]

        async def request() -> list[object]:
            return await self._exchange.send(
                ctx, [scripts.lease(half, scripts.new_token(), self._lease_life) for half in halves]
            )

        replies = await twice(request)
        tokens = [scripts.to_token(half, reply) for half, reply in zip(halves, replies, strict=True)]
        meta, membership = (*tokens, "")[:2]
        return None if meta is None or membership is None else Lease(repo, dgst, membership, meta)

    async def _fill(self, ctx: Context, lease: Lease, meta: LayerMeta) -> bool:
        repo, dgst, membership_token, meta_token = lease
        life = self._some_life()
        fills = [scripts.fill(_half(None, dgst), meta_token, commands.store_meta(dgst, meta), life)]
        scoped: list[Command] = []
        if repo is not None:
            scoped = self._ending(commands.store_scoped(repo, dgst, meta.media_type))
            member = commands.store_member(repo, dgst)
            fills.append(scripts.fill(_half(repo, dgst), membership_token, member, life))
        replies = await twice(lambda: self._exchange.send(ctx, [*scoped, *fills]))
        return replies[len(scoped) :] == [1] * len(fills)

    # ---- the walk of all there is

    def scan(self, ctx: Context) -> AsyncIterator[Batch]:
        """Walk all that is known; the server must allow SCAN, SSCAN, HLEN and INFO."""
        return scan.scan(ctx, self._exchange)

    async def discard(self, ctx: Context, repo: str) -> bool:
        """Drop what lies in the place of the members of *repo* if it is no set."""
        return await scan.discard(ctx, self._exchange, repo)


def _link(source: str | ConnectionPool) -> Link:
    if isinstance(source, str):
        return Link(Handshake.from_url(source, *scripts.LOADING))
    return Link(Handshake(source, *scripts.LOADING))


def _half(repo: str | None, dgst: str) -> scripts.Half:
    return scripts.meta_of(dgst) if repo is None else scripts.membership(repo, dgst)


def _scoped(repo: str | None, dgst: str) -> list[Command]:
    """What is cleared along with a membership, in another slot than it."""
    return [] if repo is None else [commands.clear_scoped(repo, dgst)]


def _milliseconds(name: str, seconds: float) -> int:
    require_seconds(name, seconds)
    if seconds > LONGEST_SECONDS:
        raise InvalidArgumentError(f"{name} is at most 1e9 seconds, not {shown(seconds)}")
    return max(1, round(seconds * 1000))
