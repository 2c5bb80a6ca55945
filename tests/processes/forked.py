"""A process that forks, and prints which outcomes parent and child got; run by `test_forks.py`.

python forked.py URL CACHE LOOP WAY
"""

import asyncio
import contextlib
import gc
import json
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Callable

import uvloop

from layercache import (
    Context,
    LayerCacheError,
    LayerInfoCache,
    LayerInfoSource,
    LayerMeta,
    MemoryCache,
    NotFoundError,
    ReadThroughCache,
    RedisCache,
    background,
    parse_digest,
)

CTX, REPO = background(), "library/a"
LAYERS = 100

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


class Nothing(LayerInfoSource):
    """A source that knows nothing, so that each answer is the cache's."""

    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
        """Report that it is not there."""
        raise NotFoundError(dgst)


CACHES: dict[str, Callable[[str], LayerInfoCache]] = {
    "redis": RedisCache,
    "near": lambda url: RedisCache(url, near=1_000),
    "readthrough": lambda url: ReadThroughCache(RedisCache(url), Nothing()),
    "memory": lambda url: MemoryCache(),
}


def digest(index: int) -> str:
    """The digest of a layer that is *index* bytes long."""
    return parse_digest(f"sha256:{index:064x}")


async def fill(cache: LayerInfoCache) -> None:
    """Remember the layers, and read them twice, so that what can be near is."""
    for index in range(LAYERS):
        await cache.put(CTX, REPO, digest(index), LayerMeta("/a", index))
    for index in (*range(LAYERS), *range(LAYERS)):
        await cache.stat(CTX, REPO, digest(index))


class Asker:
    """One process that asks, and the outcomes that it got."""

    def __init__(self, cache: LayerInfoCache, who: str) -> None:
        self.cache = cache
        self.who = who
        self.outcomes: Counter[str] = Counter()

    async def ask(self, index: int) -> None:
        """Ask about one layer."""
        try:
            length = (await self.cache.stat(CTX, REPO, digest(index))).length
        except LayerCacheError as error:
            self.outcomes[f"{type(error).__name__}: {error}"] += 1
        else:
            self.outcomes["right" if length == index else "wrong"] += 1

    def write(self) -> None:
        """Write the outcomes, in one piece: parent and child have one pipe."""
        os.write(1, f"{json.dumps([self.who, self.outcomes])}\n".encode())


async def be_child(cache: LayerInfoCache) -> None:
    """Ask, close, collect; all that asyncio has to offer in a child of a running loop is `await`."""
    asker = Asker(cache, "child")
    for index in range(LAYERS):
        await asker.ask(index)
    await cache.aclose()
    gc.collect()
    asker.write()


async def be_parent(cache: LayerInfoCache, child: int) -> None:
    """Ask, all at once and one after the other, until the child has ended, and once more."""
    asker = Asker(cache, "parent")
    ended = asyncio.ensure_future(asyncio.to_thread(os.waitpid, child, 0))
    while not ended.done():
        await asyncio.gather(*map(asker.ask, range(LAYERS)))
    for index in range(LAYERS):
        await asker.ask(index)
    assert os.waitstatus_to_exitcode((await ended)[1]) == 0
    await cache.aclose()
    asker.write()


# ---- the ways


def paused(cache: LayerInfoCache, loop: asyncio.AbstractEventLoop) -> None:
    """Fork while the loop does not run; the child goes on with it, and ends as a program does."""
    loop.run_until_complete(fill(cache))
    child = os.fork()
    if child:
        loop.run_until_complete(be_parent(cache, child))
    else:
        loop.run_until_complete(be_child(cache))


def running(cache: LayerInfoCache, loop: asyncio.AbstractEventLoop) -> None:
    """Fork in a coroutine, with questions in flight; the child goes on in its copy of the running loop."""

    async def main() -> None:
        await fill(cache)
        questions = [asyncio.ensure_future(cache.meta(CTX, digest(index))) for index in range(LAYERS)]
        await asyncio.sleep(0)
        if child := os.fork():
            lengths = [meta.length for meta in await asyncio.gather(*questions)]
            assert lengths == list(range(LAYERS)), lengths
            await be_parent(cache, child)
            return
        for question in questions:
            question.cancel()
        await be_child(cache)
        os._exit(0)

    loop.run_until_complete(main())


def multiprocessed(cache: LayerInfoCache, loop: asyncio.AbstractEventLoop) -> None:
    """Fork by multiprocessing while the loop runs; the child has a loop of its own."""

    def child() -> None:
        asyncio.run(be_child(cache))

    async def main() -> None:
        await fill(cache)
        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        assert process.pid is not None
        await be_parent(cache, process.pid)

    loop.run_until_complete(main())


def unused(cache: LayerInfoCache, loop: asyncio.AbstractEventLoop) -> None:
    """Fork when the cache was made and not used; the child uses it, and another of the parent's fills it."""

    async def prepare() -> None:
        async with RedisCache(sys.argv[1]) as other:
            await fill(other)

    loop.run_until_complete(prepare())
    if child := os.fork():
        loop.run_until_complete(be_parent(cache, child))
    else:
        asyncio.run(be_child(cache))


if __name__ == "__main__":
    _, url, kind, loop_name, way = sys.argv
    ways = {function.__name__: function for function in (paused, running, multiprocessed, unused)}
    with contextlib.closing(LOOPS[loop_name]()) as loop:
        ways[way](CACHES[kind](url), loop)
