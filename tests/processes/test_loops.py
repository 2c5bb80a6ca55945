"""A cache that is used in a second event loop, or under none, raises a clear error."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest
import trio

from layercache import (
    EventLoopError,
    LayerCacheError,
    LayerInfoCache,
    MemoryCache,
    ReadThroughCache,
    RedisCache,
    background,
)
from layercache.testing import SlowSource, new_digest, new_meta, new_repository
from tests.conftest import SERVERS
from tests.servers import RedisServer

CTX, REPO, DGST = background(), new_repository(), new_digest()
META = new_meta(DGST)
TASKS, ROUNDS = 50, 40

# What is held here is the client's: one server will do.
pytestmark = pytest.mark.parametrize("redis_program", [next(iter(SERVERS.values()))], indirect=True)

CACHES: dict[str, Callable[[str], LayerInfoCache]] = {
    "redis": RedisCache,
    "near": lambda url: RedisCache(url, near=1_000),
    "readthrough": lambda url: ReadThroughCache(RedisCache(url), SlowSource()),
}

OPERATIONS: dict[str, Callable[[LayerInfoCache], Awaitable[object]]] = {
    "contains": lambda cache: cache.contains(CTX, REPO, DGST),
    "meta": lambda cache: cache.meta(CTX, DGST),
    "stat": lambda cache: cache.stat(CTX, REPO, DGST),
    "stat_many": lambda cache: cache.stat_many(CTX, REPO, [DGST]),
    "put": lambda cache: cache.put(CTX, REPO, DGST, META),
    "lease": lambda cache: cache.lease(CTX, REPO, DGST),
    "removing": lambda cache: cache.removing(CTX, REPO, DGST).__aenter__(),
}

every_cache = pytest.mark.parametrize("make", CACHES.values(), ids=CACHES)


async def outcome(operation: Callable[[LayerInfoCache], Awaitable[object]], cache: LayerInfoCache) -> object:
    """What *operation* returns, or the text of its error."""
    try:
        return await operation(cache)
    except LayerCacheError as error:
        return f"{type(error).__name__}: {error}"


async def fill(cache: LayerInfoCache) -> None:
    """Use *cache*, so that it is this loop's."""
    await cache.put(CTX, REPO, DGST, META)
    assert await cache.stat(CTX, REPO, DGST) == META


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
@every_cache
def test_a_second_run(
    redis_server: RedisServer,
    make: Callable[[str], LayerInfoCache],
    operation: Callable[[LayerInfoCache], Awaitable[object]],
) -> None:
    """After its `asyncio.run` has ended, a cache raises a clear error in another, and can be closed."""
    cache = make(redis_server.url)
    asyncio.run(fill(cache))
    error = str(asyncio.run(outcome(operation, cache)))
    assert error.startswith("EventLoopError: the Redis cache of ")
    assert "make a cache for each event loop" in error
    asyncio.run(cache.aclose())


@every_cache
def test_a_loop_that_only_paused(redis_server: RedisServer, make: Callable[[str], LayerInfoCache]) -> None:
    """A loop that is neither closed nor running keeps its cache, and no other can even close it."""
    cache = make(redis_server.url)
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(fill(cache))
        assert "EventLoopError" in str(asyncio.run(outcome(OPERATIONS["lease"], cache)))
        with pytest.raises(EventLoopError, match="another event loop"):
            asyncio.run(cache.aclose())
        assert loop.run_until_complete(outcome(OPERATIONS["stat"], cache)) == META
        loop.run_until_complete(cache.aclose())


async def test_a_thread_beside_a_busy_loop(redis_server: RedisServer) -> None:
    """Each question from another thread's loop raises that error, and no caller gets another's answer."""
    async with RedisCache(redis_server.url) as cache:
        digests = [new_digest() for _ in range(TASKS)]
        for dgst in digests:
            await cache.put(CTX, REPO, dgst, new_meta(dgst))

        async def read(dgst: str) -> None:
            while not elsewhere.done():
                assert await cache.stat(CTX, REPO, dgst) == new_meta(dgst)

        def ask() -> set[str]:
            return {
                str(asyncio.run(outcome(operation, cache)))[:50]
                for operation in OPERATIONS.values()
                for _ in range(ROUNDS)
            }

        elsewhere = asyncio.ensure_future(asyncio.to_thread(ask))
        await asyncio.gather(*map(read, digests))
        assert {error.partition(":")[0] for error in await elsewhere} == {"EventLoopError"}


async def test_flights_are_one_loops(redis_server: RedisServer) -> None:
    """A flight is not joined from another loop; once it has ended, memory and a source serve any loop."""
    source = SlowSource()
    source.put(REPO, DGST, META)
    source.hold()
    cache = ReadThroughCache(MemoryCache(), source)
    asking = asyncio.ensure_future(cache.stat(CTX, REPO, DGST))
    await source.asked()
    with pytest.raises(EventLoopError, match="make a cache for each event loop"):
        await asyncio.to_thread(asyncio.run, cache.stat(CTX, REPO, DGST))
    source.release()
    assert await asking == META
    assert await asyncio.to_thread(asyncio.run, cache.stat(CTX, REPO, DGST)) == META


TRIO: dict[str, Callable[[str], Awaitable[object]]] = {
    **{
        f"{cache}, {operation}": lambda url, make=make, ask=ask: ask(make(url))  # type: ignore[misc]
        for cache, make in CACHES.items()
        for operation, ask in OPERATIONS.items()
    },
    "memory, removing": lambda url: OPERATIONS["removing"](MemoryCache()),
    "memory and a source": lambda url: OPERATIONS["stat"](ReadThroughCache(MemoryCache(), SlowSource())),
    "a context, wait": lambda url: CTX.with_timeout(60).wait(),
    "a context, run": lambda url: CTX.with_timeout(60).run(OPERATIONS["put"](MemoryCache())),
}


@pytest.mark.parametrize("ask", TRIO.values(), ids=TRIO)
def test_trio(redis_server: RedisServer, ask: Callable[[str], Awaitable[object]]) -> None:
    """Under trio each cache, and each wait of a context, raises one clear error: it works on asyncio."""

    async def main() -> None:
        await ask(redis_server.url)

    with pytest.raises(EventLoopError, match="layercache works on asyncio alone, and not under trio"):
        trio.run(main)
