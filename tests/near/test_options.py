"""The options of what is kept near."""

import pytest

from layercache import InvalidArgumentError, RedisCache
from tests.near.parts import table_of

NOWHERE = "redis://127.0.0.1:1"


@pytest.mark.parametrize("max_staleness", ["3", None, 10**400, 0, -1, float("nan"), 0.9])
def test_a_staleness_is_at_least_two_heartbeats(max_staleness: float) -> None:
    """What is no number of seconds, or fewer than two heartbeats, is refused when the cache is made."""
    with pytest.raises(InvalidArgumentError, match="max_staleness"):
        RedisCache(NOWHERE, near=10, max_staleness=max_staleness)


@pytest.mark.parametrize("near", ["3", None, -1, 1.5])
def test_near_is_a_number_of_entries(near: int) -> None:
    """What is no number of entries is refused when the cache is made."""
    with pytest.raises(InvalidArgumentError, match="near"):
        RedisCache(NOWHERE, near=near)


def test_nothing_is_near_by_default() -> None:
    """Without the option a cache has no peek and no state of what is near; with it, it has both."""
    cache = RedisCache(NOWHERE)
    assert (cache.near_state, cache.backend.peek) == (None, None)
    cache = RedisCache(NOWHERE, near=10)
    assert cache.near_state is not None
    assert len(table_of(cache)) == 0
