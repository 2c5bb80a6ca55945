"""Caches with near entries: before a simulated server, and before real ones."""

from collections.abc import AsyncIterator, Callable

import pytest

from layercache import RedisCache
from layercache.backends.redis.transport.link import Link
from tests.near.simulated import NearSetup

MakeNear = Callable[..., RedisCache]


@pytest.fixture
async def setup() -> AsyncIterator[NearSetup]:
    """A cache that is connected, trusted and empty, before a simulated server."""
    setup = NearSetup()
    await setup.connect()
    yield setup
    await setup.cache.aclose()


@pytest.fixture
async def make_near() -> AsyncIterator[MakeNear]:
    """A maker of caches that keep entries near, with the options of `RedisCache`; closed after the test."""
    caches: list[RedisCache] = []

    def make(source: str | Link, near: int = 1_000, **options: float | Callable[[], float]) -> RedisCache:
        caches.append(RedisCache(source, near=near, **options))  # type: ignore[arg-type]  # a test names what it needs
        return caches[-1]

    yield make
    for cache in caches:
        await cache.aclose()
