"""Caches on real servers, each with a link of its own, as if it were in a process of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from layercache.redis.cache import RedisCache
from tests.servers import RedisServer

MakeCache = Callable[..., RedisCache]


class Ups:
    """Is told of the states of a link, counts how often it came up, and waits for the next time."""

    def __init__(self) -> None:
        self.count = 0
        self.is_up = False
        self._changed = asyncio.Event()

    def __call__(self, is_up: bool) -> None:
        self.count += is_up
        self.is_up = is_up
        self._changed.set()

    async def until(self, count: int) -> None:
        """Return when the link has come up *count* times."""
        while self.count < count:
            self._changed.clear()
            await self._changed.wait()

    async def until_down(self) -> None:
        """Return when the link is lost."""
        while self.is_up:
            self._changed.clear()
            await self._changed.wait()


@pytest.fixture
def ups() -> Ups:
    """What a test may give to a link, to know when it is up again."""
    return Ups()


@pytest.fixture
async def make_cache(nothing_is_left: None) -> AsyncIterator[MakeCache]:
    """A maker of caches, with the arguments of `RedisCache`; closed after the test, they leave nothing."""
    caches: list[RedisCache] = []

    def make(*args: object, **options: object) -> RedisCache:
        caches.append(RedisCache(*args, **options))  # type: ignore[arg-type]  # a test names what it needs
        return caches[-1]

    yield make
    for cache in caches:
        await cache.aclose()


@pytest.fixture
def cache(make_cache: MakeCache, redis_server: RedisServer) -> RedisCache:
    """A cache on a server that is empty."""
    return make_cache(redis_server.url)


@pytest.fixture
def other(make_cache: MakeCache, redis_server: RedisServer) -> RedisCache:
    """A cache on the same server, in another process as it were."""
    return make_cache(redis_server.url)
