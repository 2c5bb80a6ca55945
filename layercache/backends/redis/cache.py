"""RedisCache: the front of what is known in a Redis that others share."""

import time

from redis.asyncio import ConnectionPool

from layercache.backends.memory.expiry import Clock
from layercache.backends.redis import scripts
from layercache.backends.redis.backend import Lives, RedisBackend
from layercache.backends.redis.exchange import Exchange
from layercache.backends.redis.near import NearBackend, NearState
from layercache.backends.redis.transport.handshake import Handshake
from layercache.backends.redis.transport.link import Link
from layercache.cache import LayerInfoCache
from layercache.errors import InvalidArgumentError, shown
from layercache.observed import observed
from layercache.observer import Observer
from layercache.removal import HOLD_SECONDS
from layercache.secrecy import sealed
from layercache.validation import require_seconds

LEASE_SECONDS = 30.0
LONGEST_SECONDS = 1e9  # some thirty years; Redis refuses what ends after its calendar does
MAX_STALENESS = 2.0


class RedisCache(LayerInfoCache):
    """A layer info cache in a Redis, shared with other processes and with Go registries."""

    @sealed
    def __init__(  # noqa: PLR0913 - all but the first are named, and have a default
        self,
        source: str | ConnectionPool | Link,
        *,
        ttl: float | None = None,
        lease_seconds: float = LEASE_SECONDS,
        closing_seconds: float = HOLD_SECONDS,
        near: int = 0,
        max_staleness: float = MAX_STALENESS,
        observer: Observer | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        """Make a cache; it connects when it is first asked something.

        Args:
            source: A URL, `redis://`, `rediss://` or `unix://` in redis-py's
                grammar; a pool of `redis.asyncio`, that of a Sentinel's primary
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
            near: How many entries of what was read are kept in this process
                and answered from there; Redis itself says when one changes
                (`docs/explanation/near.md`). 0: none.
            max_staleness: Seconds after which what is near is no longer
                answered if the server is silent; at least two heartbeats, 1.0.
            observer: Is told of every operation.
            clock: Seconds from some fixed moment, by which the trust in what
                is near ends; the tests turn it by hand.

        Raises:
            InvalidArgumentError: *source* makes no sense, a time is not above
                zero and at most 1e9 seconds, or *near* is no count of entries.
        """
        lives = Lives(
            0 if ttl is None else _milliseconds("ttl", ttl),
            _milliseconds("lease_seconds", lease_seconds),
            _milliseconds("closing_seconds", closing_seconds),
        )
        link = source if isinstance(source, Link) else _link(source)
        far = RedisBackend(Exchange(link), lives)
        self._near = None if near == 0 else NearBackend(far, link, near, max_staleness, clock)
        super().__init__(observed(self._near or far, observer))

    @property
    def near_state(self) -> NearState | None:
        """How it is with what is near; None if nothing is kept near."""
        return None if self._near is None else self._near.state


def _link(source: str | ConnectionPool) -> Link:
    if isinstance(source, str):
        return Link(Handshake.from_url(source, *scripts.LOADING))
    return Link(Handshake(source, *scripts.LOADING))


def _milliseconds(name: str, seconds: float) -> int:
    require_seconds(name, seconds)
    if seconds > LONGEST_SECONDS:
        raise InvalidArgumentError(f"{name} is at most 1e9 seconds, not {shown(seconds)}")
    return max(1, round(seconds * 1000))
