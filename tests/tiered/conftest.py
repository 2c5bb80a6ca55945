"""Tiered caches before a server on tape, and before real ones."""

from collections.abc import AsyncIterator, Callable

import pytest

from layercache import MemoryCache, RedisCache, TieredCache
from tests.tiered.stage import Stage

MakeTiered = Callable[..., TieredCache]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A tiered cache that is connected, trusted and empty, before a server on tape."""
    stage = Stage()
    await stage.connect()
    yield stage
    await stage.cache.aclose()


@pytest.fixture
async def make_tiered() -> AsyncIterator[MakeTiered]:
    """A maker of tiered caches before a far one, with its options; all are closed after the test."""
    caches: list[TieredCache] = []

    def make(far: RedisCache, near: MemoryCache | None = None, **options: object) -> TieredCache:
        caches.append(TieredCache(near or MemoryCache(), far, **options))  # type: ignore[arg-type]  # as named
        return caches[-1]

    yield make
    for cache in caches:
        await cache.aclose()
