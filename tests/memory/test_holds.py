"""Holds in memory: how long they last, and how many there are."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from layercache import InvalidArgumentError, MemoryCache, background, open_cache
from layercache.backends.memory import leases
from layercache.testing import ManualClock
from tests.memory.inside import digest

CTX = background()
ONE = digest(1)
CLOSING_SECONDS = 60.0


class StorageError(Exception):
    """What interrupts a body here."""


async def interrupt(cache: MemoryCache, dgst: str = ONE, after: Callable[[], None] = lambda: None) -> None:
    """Interrupt a removal of *dgst* after calling *after* in its body."""
    with suppress(StorageError):
        async with cache.removing(CTX, "app", dgst):
            after()
            raise StorageError


async def is_held(cache: MemoryCache, dgst: str = ONE) -> bool:
    """Whether no lease is given for *dgst*."""
    return await cache.lease(CTX, "app", dgst) is None


@pytest.fixture
def clock() -> ManualClock:
    """The clock of the cache."""
    return ManualClock(1000.0)


@pytest.fixture
def cache(clock: ManualClock) -> MemoryCache:
    """A cache whose holds last for a minute."""
    return MemoryCache(closing_seconds=CLOSING_SECONDS, clock=clock)


async def test_a_hold_ends(cache: MemoryCache, clock: ManualClock) -> None:
    """A hold lasts `closing_seconds` from the interruption, however long the body took before."""
    await interrupt(cache, after=lambda: clock.advance(10 * CLOSING_SECONDS))
    clock.advance(CLOSING_SECONDS - 0.001)
    assert await is_held(cache)
    clock.advance(0.001)
    assert not await is_held(cache)


async def test_another_bracket_neither_shortens_nor_prolongs(cache: MemoryCache, clock: ManualClock) -> None:
    """A later removal neither ends a hold nor, once it has returned, prolongs it."""
    await interrupt(cache)
    clock.advance(CLOSING_SECONDS / 2)
    async with cache.removing(CTX, "app", ONE):
        clock.advance(CLOSING_SECONDS / 4)
    assert await is_held(cache)
    clock.advance(CLOSING_SECONDS / 4)
    assert not await is_held(cache)
    await interrupt(cache)
    async with cache.removing(CTX, "app", ONE):
        clock.advance(2 * CLOSING_SECONDS)
        assert await is_held(cache)
    assert not await is_held(cache)


async def test_a_second_interruption_renews_the_hold(cache: MemoryCache, clock: ManualClock) -> None:
    """After two interruptions the hold ends with the later one."""
    await interrupt(cache)
    clock.advance(CLOSING_SECONDS / 2)
    await interrupt(cache)
    clock.advance(CLOSING_SECONDS / 2)
    assert await is_held(cache)
    clock.advance(CLOSING_SECONDS / 2)
    assert not await is_held(cache)


async def test_holds_leave_nothing(cache: MemoryCache, clock: ManualClock) -> None:
    """A hold that has ended takes no memory, and an interrupted removal leaves no marker."""
    for number in range(100):
        await interrupt(cache, digest(number))
    clock.advance(CLOSING_SECONDS)
    assert not await is_held(cache)
    assert repr(cache).endswith("2 leases>")


async def test_holds_are_bounded_and_none_is_lost(
    monkeypatch: pytest.MonkeyPatch, cache: MemoryCache, clock: ManualClock
) -> None:
    """If there are more holds than fit, everything is held until those that did not fit have ended."""
    monkeypatch.setattr(leases, "MOST_HOLDS", 10)
    for number in range(15):
        await interrupt(cache, digest(number))
        clock.advance(1)
    assert repr(cache).endswith("10 leases>")
    assert all([await is_held(cache, digest(number)) for number in range(16)])
    clock.advance(CLOSING_SECONDS - 15 + 3.5)
    assert await is_held(cache, digest(4))
    assert await is_held(cache, digest(15))
    clock.advance(0.5)
    assert not await is_held(cache, digest(4))
    assert await is_held(cache, digest(5))
    assert not await is_held(cache, digest(15))


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), "60", None])
def test_closing_seconds_are_checked(seconds: float) -> None:
    """`closing_seconds` is a number above zero."""
    with pytest.raises(InvalidArgumentError, match="closing_seconds"):
        MemoryCache(closing_seconds=seconds)


async def test_a_url_sets_closing_seconds() -> None:
    """`closing_seconds` in the URL is that of the cache."""
    cache = open_cache("memory://?closing_seconds=0.000000001")
    assert isinstance(cache, MemoryCache)
    await interrupt(cache)
    assert not await is_held(cache)
