"""A time to live: what is not stored again becomes a miss."""

import math

import pytest

from layercache import InvalidArgumentError, MemoryCache, background
from layercache.backends.memory.table import Table
from layercache.testing import ManualClock
from tests.memory.inside import check, digest, usual_meta

CTX = background()
ONE = digest(1)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that has run for a while."""
    return ManualClock(5000.0)


@pytest.fixture
def table(clock: ManualClock) -> Table:
    """A table with a time to live of 100 seconds."""
    return Table(1000, 100.0, clock)


def test_lives_nine_tenths_at_least(table: Table, clock: ManualClock) -> None:
    """Up to nine tenths of the time to live, everything is known."""
    for number in range(100):
        table.put("app", digest(number), usual_meta(digest(number)))
    clock.advance(89.9)
    assert all(table.stat("app", digest(number)) for number in range(100))


def test_lives_no_longer_than_its_time(table: Table, clock: ManualClock) -> None:
    """After the time to live, nothing is known by any read, and nothing is held."""
    for number in range(100):
        table.put("app", digest(number), usual_meta(digest(number)))
    clock.advance(100.0)
    assert not any(table.contains("app", digest(number)) for number in range(50))
    assert not any(table.stat("app", digest(number)) for number in range(50, 100))
    assert not any(table.meta(digest(number)) for number in range(100))
    assert len(table) == 0
    check(table, 1000)


def test_ends_are_spread(table: Table, clock: ManualClock) -> None:
    """What was put at the same time does not expire at the same time."""
    for number in range(1000):
        table.add("app", digest(number))
    clock.advance(95.0)
    left = sum(table.contains("app", digest(number)) for number in range(1000))
    assert 300 < left < 700


def test_stored_again_lives_on(table: Table, clock: ManualClock) -> None:
    """Storing a half again restarts its time, and not that of the other half."""
    table.put("app", ONE, usual_meta(ONE))
    clock.advance(80.0)
    table.add("app", ONE)
    clock.advance(80.0)
    assert table.contains("app", ONE)
    assert table.meta(ONE) is None
    assert table.stat("app", ONE) is None


def test_each_repository_has_its_own_time(table: Table, clock: ManualClock) -> None:
    """The membership in a further repository expires by itself."""
    table.put("first", ONE, usual_meta(ONE))
    table.put("second", ONE, usual_meta(ONE))
    clock.advance(80.0)
    table.put("third", ONE, usual_meta(ONE))
    clock.advance(80.0)
    assert [table.contains(repo, ONE) for repo in ("first", "second", "third")] == [False, False, True]
    assert table.stat("third", ONE) == usual_meta(ONE)


def test_entry_used_again_has_a_new_time(clock: ManualClock) -> None:
    """A layer that takes over the entry of another has its own time."""
    table = Table(1, 100.0, clock)
    table.put("app", ONE, usual_meta(ONE))
    clock.advance(99.0)
    table.put("app", digest(2), usual_meta(digest(2)))
    clock.advance(80.0)
    assert table.stat("app", digest(2))


async def test_cache_has_a_time_to_live(clock: ManualClock) -> None:
    """The bulk forms and the single forms expire alike."""
    cache = MemoryCache(10, ttl=100.0, clock=clock)
    await cache.put(CTX, "app", ONE, usual_meta(ONE))
    assert await cache.stat_many(CTX, "app", [ONE]) == [usual_meta(ONE)]
    clock.advance(100.0)
    assert await cache.contains_many(CTX, "app", [ONE]) == [False]
    assert not await cache.contains(CTX, "app", ONE)
    assert await cache.stat_many(CTX, "app", [ONE]) == [None]


@pytest.mark.parametrize("ttl", [0.0, -1.0, math.nan, "1"])
def test_time_is_positive(ttl: float) -> None:
    """A time to live is a number above 0."""
    with pytest.raises(InvalidArgumentError):
        MemoryCache(ttl=ttl)
