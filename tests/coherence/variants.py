"""What is run: the library, and some ways of doing it wrong, each a cache or a front in its place.

    ours         the library
    no-lease     a fill is an unguarded write: whoever asked the storage before a removal fills after it
    tombstone    a removal leaves a tombstone that forbids fills for a while, in place of leases:
                 a storage that takes longer to answer than a tombstone lives fills after it
    late-join    a flight is joined after it has departed: its answer is older than who joins
    near         the library with a near memory in each process, for which the checker allows
                 what `travel.py` says
    late-fill    the same, but what was asked for is kept near though its key was changed since
    endless      the same, but what is near is trusted however long nothing was heard, and the link patient
    release      an interrupted removal ends as one that returned: what the storage deletes after it is
                 filled by whoever asks in between
    go           the plain read-through of the Go registry: a miss asks the storage and puts the answer;
                 a deletion clears the cache first, and then deletes; a sweep clears nothing

The source for `go` is distribution, registry/storage/cache/cachedblobdescriptorstore.go.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

from layercache.backend import Lease
from layercache.backends.redis import scripts
from layercache.backends.redis.backend import Lives, RedisBackend
from layercache.backends.redis.cache import RedisCache
from layercache.backends.redis.exchange import Exchange
from layercache.backends.redis.near import NearBackend
from layercache.backends.redis.near.admission import Admission
from layercache.backends.redis.near.answers import Answers
from layercache.backends.redis.near.table import Ticket
from layercache.backends.redis.transport.handshake import Handshake
from layercache.backends.redis.transport.link import Link
from layercache.cache import LayerInfoCache
from layercache.context import Context
from layercache.forwarding import ForwardingBackend
from layercache.meta import LayerMeta
from layercache.observer import Observer
from layercache.readthrough import ReadThroughCache
from layercache.readthrough.flight import Flights, K, T
from layercache.source import LayerInfoSource
from tests.coherence.checker import STALE_YES
from tests.coherence.registers import STALE_VERSION

# Short, so that the run sees them expire, also under whom they were made for.
LEASE_SECONDS = 1.0
CLOSING_SECONDS = 2.0
TOMBSTONE_SECONDS = 0.1
# Near, too: a link that is given up soon after trust ends, and a memory that is full.
HEARTBEAT = 0.25
MAX_STALENESS = 0.6
NEAR_ENTRIES = 120


class WithoutLeases(ForwardingBackend):
    """Fills by an unguarded write."""

    async def lease(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
        return Lease(repo, dgst, "", "")

    async def fill(self, ctx: Context, lease: Lease, meta: LayerMeta) -> bool:
        if lease.repo is None:
            await self.set_meta(ctx, lease.dgst, meta)
        else:
            await self.put(ctx, lease.repo, lease.dgst, meta)
        return True


class WithTombstones(WithoutLeases):
    """Refuses a fill while there is a tombstone, which is a marker that stays after the removal."""

    async def fill(self, ctx: Context, lease: Lease, meta: LayerMeta) -> bool:
        # None under a marker; else the look for a tombstone and the fill are one step.
        late = await ForwardingBackend.lease(self, ctx, lease.repo, lease.dgst)
        return late is not None and await ForwardingBackend.fill(self, ctx, late, meta)

    async def end_removal(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        await self.begin_removal(ctx, repo, dgst)


class LikeTheGoRegistry(WithoutLeases):
    """Clears before a deletion and not after it, and knows nothing of sweeps."""

    async def begin_removal(self, ctx: Context, repo: str | None, dgst: str) -> str:
        if repo is not None:
            await self.remove(ctx, repo, dgst)
        return ""

    async def end_removal(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        return


class ReleasedAtAnError(ForwardingBackend):
    """Takes an interrupted body for one that returned, and leaves no hold."""

    async def end_removal(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        await super().end_removal(ctx, repo, dgst, marker, has_returned=True)


class LateFlights(Flights[K, T]):
    """Flights that are joined until they end."""

    async def join(self, ctx: Context, key: K) -> T:
        """Join the flight that is under way, if there is one."""
        flight = self.flying.get(key)
        return await (super().join(ctx, key) if flight is None else flight.ride(ctx))


class JoinedLate(ReadThroughCache):
    """A read-through with flights that are joined until they end."""

    def __init__(self, cache: LayerInfoCache, source: LayerInfoSource, *, observer: Observer) -> None:
        super().__init__(cache, source, observer=observer)
        reading = self._reading
        reading._flights = LateFlights(reading._load, 30.0)


class LateFills(Admission):
    """Takes an answer for as new as the moment at which its task went on."""

    def take(
        self, ticket: Ticket, repo: str | None, dgst: str, is_member: bool, meta: LayerMeta | None
    ) -> None:
        """Let it wait with a ticket of now."""
        super().take(self._table.ask(repo), repo, dgst, is_member, meta)


class FilledLate(NearBackend):
    """Keeps a reply near though a push came behind it."""

    def __init__(self, far: RedisBackend, link: Link, max_staleness: float) -> None:
        super().__init__(far, link, NEAR_ENTRIES, max_staleness, time.monotonic)
        self._admission = LateFills(self._table, NEAR_ENTRIES)
        self._answers = Answers(self._admission)


class Variant(NamedTuple):
    """One way of doing it.

    Attributes:
        cache: Makes the cache over a URL.
        front: Makes the read-through of a cache and a source.
        max_staleness: Seconds that an answer may be old when nothing is heard; 0: there is no near memory.
        fault: The violation by which it is to be caught, if it is wrong.
    """

    cache: Callable[[str], LayerInfoCache]
    front: Callable[..., ReadThroughCache] = ReadThroughCache
    max_staleness: float = 0.0
    fault: str = STALE_YES


def _ours(url: str, closing_seconds: float = CLOSING_SECONDS) -> RedisCache:
    return RedisCache(url, lease_seconds=LEASE_SECONDS, closing_seconds=closing_seconds)


def _near(url: str, max_staleness: float, heartbeat: float = HEARTBEAT) -> RedisCache:
    return RedisCache(
        _link(url, heartbeat),
        lease_seconds=LEASE_SECONDS,
        closing_seconds=CLOSING_SECONDS,
        near=NEAR_ENTRIES,
        max_staleness=max_staleness,
    )


def _link(url: str, heartbeat: float = HEARTBEAT) -> Link:
    return Link(Handshake.from_url(url, *scripts.LOADING), heartbeat=heartbeat)


def _filled_late(url: str) -> LayerInfoCache:
    link = _link(url)
    lives = Lives(0, round(LEASE_SECONDS * 1000), round(CLOSING_SECONDS * 1000))
    return LayerInfoCache(FilledLate(RedisBackend(Exchange(link), lives), link, MAX_STALENESS))


VARIANTS = {
    "ours": Variant(_ours),
    "no-lease": Variant(lambda url: LayerInfoCache(WithoutLeases(_ours(url).backend))),
    "tombstone": Variant(lambda url: LayerInfoCache(WithTombstones(_ours(url, TOMBSTONE_SECONDS).backend))),
    "late-join": Variant(_ours, JoinedLate),
    "near": Variant(lambda url: _near(url, MAX_STALENESS), max_staleness=MAX_STALENESS),
    "late-fill": Variant(_filled_late, max_staleness=MAX_STALENESS, fault=STALE_VERSION),
    "endless": Variant(
        lambda url: _near(url, 3600.0, heartbeat=2.0), max_staleness=MAX_STALENESS, fault=STALE_VERSION
    ),
    "release": Variant(lambda url: LayerInfoCache(ReleasedAtAnError(_ours(url).backend))),
    "go": Variant(lambda url: LayerInfoCache(LikeTheGoRegistry(_ours(url).backend))),
}
