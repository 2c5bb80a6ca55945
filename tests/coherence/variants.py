"""What is run: the library, and four ways of doing it wrong, each a cache or a front in its place.

    ours         the library
    no-lease     a fill is a plain put: whoever asked the storage before a removal fills after it
    tombstone    a removal leaves a tombstone that forbids fills for a while, in place of leases:
                 a storage that takes longer to answer than a tombstone lives fills after it
    late-join    a flight is joined after it has departed: its answer is older than who joins
    go           the plain read-through of the Go registry: a miss asks the storage and puts the answer;
                 a deletion clears the cache first, and then deletes; a sweep clears nothing

The source for the last is distribution, registry/storage/cache/cachedblobdescriptorstore.go.
"""

from collections.abc import Callable
from typing import NamedTuple

from layercache.backend import Lease
from layercache.cache import LayerInfoCache, LayerInfoSource
from layercache.context import Context
from layercache.events import Observer
from layercache.flight import Flights, K, T
from layercache.forwarding import ForwardingCache
from layercache.meta import LayerMeta
from layercache.readthrough import ReadThroughCache
from layercache.redis.cache import RedisCache

# Short, so that the run sees them expire, also under whom they were made for.
LEASE_SECONDS = 1.0
CLOSING_SECONDS = 2.0
TOMBSTONE_SECONDS = 0.1


class WithoutLeases(ForwardingCache):
    """Fills by a plain put."""

    async def _lease(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
        return Lease(repo, dgst, "", "")

    async def _fill(self, ctx: Context, lease: Lease, meta: LayerMeta) -> bool:
        if lease.repo is None:
            await self._cache._set_meta(ctx, lease.dgst, meta)
        else:
            await self._cache._put(ctx, lease.repo, lease.dgst, meta)
        return True


class WithTombstones(WithoutLeases):
    """Refuses a fill while there is a tombstone, which is a marker that lies on after the removal."""

    async def _fill(self, ctx: Context, lease: Lease, meta: LayerMeta) -> bool:
        # None under a marker; else it makes one step of the look for a tombstone and the fill.
        late = await self._cache._lease(ctx, lease.repo, lease.dgst)
        return late is not None and await self._cache._fill(ctx, late, meta)

    async def _end_closing(self, ctx: Context, repo: str | None, dgst: str, marker: str) -> None:
        await self._cache._begin_closing(ctx, repo, dgst)


class LikeTheGoRegistry(WithoutLeases):
    """Clears before a deletion and not after it, and knows nothing of sweeps."""

    async def _begin_closing(self, ctx: Context, repo: str | None, dgst: str) -> str:
        if repo is not None:
            await self._cache._remove(ctx, repo, dgst)
        return ""

    async def _end_closing(self, ctx: Context, repo: str | None, dgst: str, marker: str) -> None:
        return


class LateFlights(Flights[K, T]):
    """Flights that are joined until they land."""

    async def join(self, ctx: Context, key: K) -> T:
        """Join the flight that is under way, if there is one."""
        flight = self.flying.get(key)
        return await (super().join(ctx, key) if flight is None else flight.ride(ctx))


class JoinedLate(ReadThroughCache):
    """A read-through with flights that are joined until they land."""

    def __init__(self, cache: LayerInfoCache, source: LayerInfoSource, *, observer: Observer) -> None:
        super().__init__(cache, source, observer=observer)
        self._flights = LateFlights(self._load, 30.0)


class Variant(NamedTuple):
    """One way of doing it: the cache over a URL, and the front of a cache and a source."""

    cache: Callable[[str], LayerInfoCache]
    front: Callable[..., ReadThroughCache] = ReadThroughCache


def _ours(url: str, closing_seconds: float = CLOSING_SECONDS) -> RedisCache:
    return RedisCache(url, lease_seconds=LEASE_SECONDS, closing_seconds=closing_seconds)


VARIANTS = {
    "ours": Variant(_ours),
    "no-lease": Variant(lambda url: WithoutLeases(_ours(url))),
    "tombstone": Variant(lambda url: WithTombstones(_ours(url, TOMBSTONE_SECONDS))),
    "late-join": Variant(_ours, JoinedLate),
    "go": Variant(lambda url: LikeTheGoRegistry(_ours(url))),
}
