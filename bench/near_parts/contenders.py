"""Those who answer `stat` from the memory of the process while Redis keeps that true.

RedisCache, which asks Redis each time, stands beside them as the measure. What
each has to answer begins with a path and a length.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Protocol

import cashews
import coredis
from cashews.backends.memory import Memory
from coredis.patterns.cache import LRUCache

from bench.memory_parts.layers import Layer
from bench.near_parts.scene import draw_near
from bench.redis_parts.bare_wire import Found, found_in
from bench.redis_parts.layers import member_key, meta_key
from layercache import LayerMeta, RedisCache, background

NEAR = 20_000  # Layers that each may keep near; twice as many keys where a layer has two.
MOST_CONNECTIONS = 2048


Stat = Callable[[str, str], Awaitable[Sequence[object]]]


class Contender(Protocol):
    """Somebody who knows where layers lie.

    Attributes:
        stat: Says where a layer lies that the repository has; not a method, so that nothing stands between.
    """

    stat: Stat

    async def open(self, url: str, near: Sequence[Layer], rest: Sequence[Layer]) -> None:
        """Connect, store in its own way what the shared data has not, and have *near* near."""

    async def close(self) -> None:
        """Disconnect."""


class Near(Contender):
    """RedisCache with what was read kept near."""

    async def open(self, url: str, near: Sequence[Layer], rest: Sequence[Layer]) -> None:
        self.cache = RedisCache(url, near=NEAR)
        self.stat = partial(self.cache.stat, background())
        await draw_near(self.cache, near)

    async def close(self) -> None:
        await self.cache.aclose()


class Far(Contender):
    """RedisCache."""

    async def open(self, url: str, near: Sequence[Layer], rest: Sequence[Layer]) -> None:
        self.cache = RedisCache(url)
        self.stat = partial(self.cache.stat, background())

    async def close(self) -> None:
        await self.cache.aclose()


class Floor(Contender):
    """Two dictionaries before RedisCache that nobody keeps true: what a near memory costs at the least."""

    async def open(self, url: str, near: Sequence[Layer], rest: Sequence[Layer]) -> None:
        self.far = RedisCache(url)
        self.known: dict[str, dict[str, LayerMeta]] = {layer.repo: {} for layer in (*near, *rest)}
        for layer in near:
            self.known[layer.repo][layer.dgst] = LayerMeta(layer.path, layer.length)
        self.stat = self.ask

    async def ask(self, repo: str, dgst: str) -> LayerMeta:
        known = self.known[repo].get(dgst)
        return await self.far.stat(background(), repo, dgst) if known is None else known

    async def close(self) -> None:
        await self.far.aclose()


class Coredis(Contender):
    """coredis with its tracking cache, which keeps replies by command and key; `stat` in two."""

    async def open(self, url: str, near: Sequence[Layer], rest: Sequence[Layer]) -> None:
        self.stack = AsyncExitStack()
        client = coredis.Redis.from_url(
            url, max_connections=MOST_CONNECTIONS, cache=LRUCache(max_keys=2 * NEAR)
        )
        self.client = await self.stack.enter_async_context(client)
        self.stat = self.ask
        for layer in near:
            await self.ask(layer.repo, layer.dgst)

    async def ask(self, repo: str, dgst: str) -> Found:
        assert await self.client.sismember(member_key(repo), dgst)
        return found_in(await self.client.hmget(meta_key(dgst), ["path", "length"]))

    async def close(self) -> None:
        await self.stack.aclose()


class Cashews(Contender):
    """cashews with its client-side cache: a pickled value for each repository and digest."""

    async def open(self, url: str, near: Sequence[Layer], rest: Sequence[Layer]) -> None:
        self.cache = cashews.Cache()
        self.cache.setup(
            url, client_side=True, local_cache=Memory(size=NEAR), max_connections=MOST_CONNECTIONS
        )
        rows = [*near, *rest]
        for start in range(0, len(rows), 1_000):
            some = rows[start : start + 1_000]
            await self.cache.set_many(
                {f"{layer.repo}@{layer.dgst}": (layer.path, layer.length) for layer in some}
            )
        self.stat = self.ask
        for layer in near:
            await self.ask(layer.repo, layer.dgst)

    async def ask(self, repo: str, dgst: str) -> Found:
        found = await self.cache.get(f"{repo}@{dgst}")
        assert found is not None
        path, length = found
        return path, length

    async def close(self) -> None:
        await self.cache.close()


CONTENDERS: dict[str, Callable[[], Contender]] = {
    "RedisCache, near": Near,
    "RedisCache": Far,
    "floor: bare dicts, RedisCache": Floor,
    "coredis, tracking cache": Coredis,
    "cashews, client side": Cashews,
}
