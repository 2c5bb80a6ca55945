"""MemoryCache: the front of what one process remembers."""

import time

from layercache.backends.memory.backend import MemoryBackend
from layercache.backends.memory.expiry import Clock
from layercache.cache import LayerInfoCache
from layercache.observed import observed
from layercache.observer import Observer
from layercache.removal import HOLD_SECONDS
from layercache.validation import require_entries, require_seconds

DEFAULT_ENTRIES = 100_000


class MemoryCache(LayerInfoCache):
    """A layer info cache in the memory of this process.

    It is bounded in everything, and chooses what has to go by how often it was
    asked for (`docs/explanation/eviction.md`). A layer takes about 230 bytes.
    When it is closed it forgets everything, and can be used again.

    Not promised: use from two threads at a time.
    """

    def __init__(
        self,
        max_entries: int = DEFAULT_ENTRIES,
        *,
        ttl: float | None = None,
        closing_seconds: float = HOLD_SECONDS,
        observer: Observer | None = None,
        clock: Clock = time.monotonic,
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
            closing_seconds: Seconds, more than 0, for which nothing is filled
                after a removal whose body was interrupted: more than the
                storage may take to carry out what it was asked for.
            observer: Is told of every operation.
            clock: Seconds from some fixed moment; the tests turn it by hand.

        Raises:
            InvalidArgumentError: *max_entries*, *ttl* or *closing_seconds* is
                out of range, or no number.
        """
        require_entries("max_entries", max_entries)
        if ttl is not None:
            require_seconds("a ttl", ttl)
        require_seconds("closing_seconds", closing_seconds)
        super().__init__(observed(MemoryBackend(max_entries, ttl, closing_seconds, clock), observer))
