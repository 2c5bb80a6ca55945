"""What a cache promises, as checks, and what tests of its users need.

Every check is `async def check(ctx, cache)`, needs no test framework, and fails
with an AssertionError that names the promise. A check may leave entries behind,
under names that no other check uses; `closes_twice` closes the cache.

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    async def test_contract(check: Check, cache: LayerInfoCache) -> None:
        await check(background(), cache)

A backend of your own is checked behind its front: `LayerInfoCache(SQLiteBackend(path))`.
"""

from layercache.testing import brackets, contexts, holds, leases, walks, words
from layercache.testing.clock import ManualClock
from layercache.testing.faults import FaultyCache
from layercache.testing.layers import Check, new_digest, new_meta, new_repository
from layercache.testing.sources import SlowSource

CHECKS: tuple[Check, ...] = (
    *words.CHECKS,
    *leases.CHECKS,
    *brackets.CHECKS,
    *holds.CHECKS,
    *walks.CHECKS,
    *contexts.CHECKS,
)

__all__ = [
    "CHECKS",
    "Check",
    "FaultyCache",
    "ManualClock",
    "SlowSource",
    "new_digest",
    "new_meta",
    "new_repository",
]
