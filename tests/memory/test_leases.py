"""Leases in this process: bounded in number and time, and void when they must be."""

import pytest

from layercache import InvalidArgumentError, MemoryCache, background
from layercache.backends.memory import leases
from layercache.backends.memory.leases import LEASE_SECONDS, Leases
from layercache.testing import ManualClock
from tests.memory.inside import digest, usual_meta

CTX = background()
ONE = digest(1)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at 0."""
    return ManualClock()


@pytest.fixture
def cache(clock: ManualClock) -> MemoryCache:
    """An empty cache on *clock*."""
    return MemoryCache(1000, clock=clock)


async def test_lease_ends_by_itself(cache: MemoryCache, clock: ManualClock) -> None:
    """A lease that has ended fills nothing."""
    lease = await cache.lease(CTX, "app", ONE)
    assert lease is not None
    clock.advance(LEASE_SECONDS)
    assert not await cache.fill(CTX, lease, usual_meta(ONE))
    assert not await cache.contains(CTX, "app", ONE)


async def test_no_lease_fills_nothing(cache: MemoryCache) -> None:
    """If `lease` returned None, a fill with that is refused."""
    async with cache.removing(CTX, "app", ONE):
        lease = await cache.lease(CTX, "app", ONE)
        with pytest.raises(InvalidArgumentError, match="not a lease: None"):
            await cache.fill(CTX, lease, usual_meta(ONE))  # type: ignore[arg-type]  # what is to be refused


async def test_lease_holds_until_then(cache: MemoryCache, clock: ManualClock) -> None:
    """A lease that has not ended fills both halves."""
    lease = await cache.lease(CTX, "app", ONE)
    assert lease is not None
    clock.advance(LEASE_SECONDS - 0.1)
    assert await cache.fill(CTX, lease, usual_meta(ONE))
    assert await cache.stat(CTX, "app", ONE) == usual_meta(ONE)


async def test_sharing_does_not_prolong(cache: MemoryCache, clock: ManualClock) -> None:
    """A second caller shares a lease for the time that it has left."""
    await cache.lease(CTX, "app", ONE)
    clock.advance(LEASE_SECONDS - 1)
    lease = await cache.lease(CTX, "app", ONE)
    assert lease is not None
    clock.advance(1)
    assert not await cache.fill(CTX, lease, usual_meta(ONE))


async def test_half_that_was_removed_alone_is_not_filled(cache: MemoryCache) -> None:
    """Each half is compared by itself: a removal voids the membership and leaves the meta."""
    lease = await cache.lease(CTX, "app", ONE)
    assert lease is not None
    await cache.remove(CTX, "app", ONE)
    assert not await cache.fill(CTX, lease, usual_meta(ONE))
    assert not await cache.contains(CTX, "app", ONE)
    assert await cache.meta(CTX, ONE) == usual_meta(ONE)


async def test_lease_fills_once(cache: MemoryCache) -> None:
    """A lease that was used is void."""
    lease = await cache.lease(CTX, "app", ONE)
    assert lease is not None
    assert await cache.fill(CTX, lease, usual_meta(ONE))
    assert not await cache.fill(CTX, lease, usual_meta(ONE))


async def test_lease_of_another_cache_is_void(cache: MemoryCache, clock: ManualClock) -> None:
    """A lease of another cache fills nothing."""
    lease = await MemoryCache(clock=clock).lease(CTX, "app", ONE)
    assert lease is not None
    await cache.lease(CTX, "app", ONE)
    assert not await cache.fill(CTX, lease, usual_meta(ONE))


async def test_closing_forgets_leases(cache: MemoryCache) -> None:
    """After aclose nothing is known, and no lease from before fills anything."""
    await cache.put(CTX, "app", digest(2), usual_meta(digest(2)))
    lease = await cache.lease(CTX, "app", ONE)
    assert lease is not None
    await cache.aclose()
    assert not await cache.fill(CTX, lease, usual_meta(ONE))
    assert not await cache.contains(CTX, "app", digest(2))


async def test_refused_lease_leaves_no_token(cache: MemoryCache) -> None:
    """A lease that is refused for one half leaves no token beside the other."""
    async with cache.forgetting(CTX, ONE):
        assert await cache.lease(CTX, "app", ONE) is None
        assert repr(cache) == "<MemoryCache 0 of 1000 entries, 1 leases>"
    assert repr(cache) == "<MemoryCache 0 of 1000 entries, 0 leases>"


def test_tokens_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many leases are asked for, the oldest tokens are dropped."""
    monkeypatch.setattr(leases, "MOST_TOKENS", 10)
    book = Leases(ManualClock())
    given = {number: book.token(("app", digest(number))) for number in range(100)}
    assert len(book) == 10
    assert not book.redeem(("app", digest(89)), given[89])
    assert book.redeem(("app", digest(90)), given[90])


def test_ended_tokens_are_dropped(clock: ManualClock) -> None:
    """Tokens that have ended are dropped by the next call."""
    book = Leases(clock)
    for number in range(100):
        book.token(("app", digest(number)))
    clock.advance(LEASE_SECONDS)
    book.token(("app", ONE))
    assert len(book) == 1


def test_markers_are_never_dropped(monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> None:
    """A removal marker stays for any time and any number of leases, and ends with its bracket."""
    monkeypatch.setattr(leases, "MOST_TOKENS", 10)
    book = Leases(clock)
    marker = book.close(("app", ONE))
    for number in range(2, 100):
        book.token(("app", digest(number)))
    clock.advance(100 * LEASE_SECONDS)
    assert book.is_closing(("app", ONE))
    book.reopen(("app", ONE), marker)
    assert not book.is_closing(("app", ONE))


def test_markers_of_others_stay() -> None:
    """The end of a bracket drops its own marker, and no other's."""
    book = Leases(ManualClock())
    first = book.close(("app", ONE))
    second = book.close(("app", ONE))
    book.reopen(("app", ONE), first)
    assert book.is_closing(("app", ONE))
    book.reopen(("app", ONE), second)
    assert len(book) == 0
