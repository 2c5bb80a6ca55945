"""Those who ask Redis for a layer: this library, the bare wire, and the clients that others would use.

Each answers `meta(dgst)` with a path and a length; those that know of
memberships answer `stat(repo, dgst)` too, in whatever way their API does best.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Protocol

import aiocache
import cashews
import coredis
import glide
import redis.asyncio
from aiocache.serializers import JsonSerializer

from bench.redis_parts.bare_wire import BareWire, Found, address, found_in
from bench.redis_parts.layers import Layer, member_key, meta_key
from layercache import CancelableContext, Context, RedisCache, background, parse_digest, parse_repository

MOST_CONNECTIONS = 2048  # so that no client waits for one of its own
LONG = 60.0  # seconds: a deadline that no call meets


class Contender(Protocol):
    """A client of Redis; `stat` is there only if it makes sense for it."""

    is_pinned: bool  # to one core; a client with threads of its own is not

    async def open(self, url: str, layers: Sequence[Layer]) -> None:
        """Connect, and store in its own way what the shared data has not."""

    async def meta(self, dgst: str) -> Found:
        """Where a layer lies."""

    async def close(self) -> None:
        """Disconnect."""


class Ours:
    """RedisCache, every call on `background()`; names were parsed, as a handler has them."""

    is_pinned = True
    has_parsed = True

    async def open(self, url: str, layers: Sequence[Layer]) -> None:
        self.cache = RedisCache(url)
        self.ctx: Context = background()

    async def meta(self, dgst: str) -> Found:
        return (await self.cache.meta(self.ctx, dgst))[:2]

    async def stat(self, repo: str, dgst: str) -> Found:
        return (await self.cache.stat(self.ctx, repo, dgst))[:2]

    async def close(self) -> None:
        await self.cache.aclose()


class OursUnparsed(Ours):
    """RedisCache, which is given any str, and has to look at each."""

    has_parsed = False


class OursUnderADeadline(Ours):
    """RedisCache, all calls under one deadline."""

    async def open(self, url: str, layers: Sequence[Layer]) -> None:
        await super().open(url, layers)
        self.ctx = self.bound = background().with_timeout(LONG * 60)

    bound: CancelableContext

    async def close(self) -> None:
        self.bound.cancel()
        await super().close()


class OursUnderDeadlines(Ours):
    """RedisCache, a context of its own, with a deadline, for every call."""

    async def meta(self, dgst: str) -> Found:
        with self.ctx.with_timeout(LONG) as ctx:
            return (await self.cache.meta(ctx, dgst))[:2]

    async def stat(self, repo: str, dgst: str) -> Found:
        with self.ctx.with_timeout(LONG) as ctx:
            return (await self.cache.stat(ctx, repo, dgst))[:2]


class RedisPy:
    """redis-py's asyncio client as it comes: one command per await, `stat` in two."""

    is_pinned = True

    async def open(self, url: str, layers: Sequence[Layer]) -> None:
        self.client = redis.asyncio.Redis.from_url(url, max_connections=MOST_CONNECTIONS)

    async def meta(self, dgst: str) -> Found:
        return found_in(await self.client.hmget(meta_key(dgst), "path", "length"))

    async def stat(self, repo: str, dgst: str) -> Found:
        assert await self.client.sismember(member_key(repo), dgst)
        return await self.meta(dgst)

    async def close(self) -> None:
        await self.client.aclose()


class RedisPyPipelines(RedisPy):
    """redis-py, the commands of one turn of the loop in one explicit pipeline."""

    async def open(self, url: str, layers: Sequence[Layer]) -> None:
        await super().open(url, layers)
        self.asked: list[tuple[tuple[str, ...], asyncio.Future[object]]] = []
        self.flushes: set[asyncio.Task[None]] = set()

    def call(self, *words: str) -> "asyncio.Future[object]":
        loop = asyncio.get_running_loop()
        if not self.asked:
            loop.call_soon(self.start)
        self.asked.append((words, loop.create_future()))
        return self.asked[-1][1]

    def start(self) -> None:
        asked, self.asked = self.asked, []
        task = asyncio.create_task(self.flush(asked))
        self.flushes.add(task)
        task.add_done_callback(self.flushes.discard)

    async def flush(self, asked: "list[tuple[tuple[str, ...], asyncio.Future[object]]]") -> None:
        pipeline = self.client.pipeline(transaction=False)
        for words, _ in asked:
            pipeline.execute_command(*words)
        for (_, future), value in zip(asked, await pipeline.execute(), strict=True):
            future.set_result(value)

    async def meta(self, dgst: str) -> Found:
        return found_in(await self.call("HMGET", meta_key(dgst), "path", "length"))

    async def stat(self, repo: str, dgst: str) -> Found:
        member = self.call("SISMEMBER", member_key(repo), dgst)
        found = await self.meta(dgst)
        assert await member
        return found


class Coredis:
    """coredis: one command per await, `stat` in two."""

    is_pinned = True

    async def open(self, url: str, layers: Sequence[Layer]) -> None:
        self.stack = AsyncExitStack()
        client = coredis.Redis.from_url(url, max_connections=MOST_CONNECTIONS)
        self.client = await self.stack.enter_async_context(client)

    async def meta(self, dgst: str) -> Found:
        return found_in(await self.client.hmget(meta_key(dgst), ["path", "length"]))

    async def stat(self, repo: str, dgst: str) -> Found:
        assert await self.client.sismember(member_key(repo), dgst)
        return await self.meta(dgst)

    async def close(self) -> None:
        await self.stack.aclose()


class Glide:
    """valkey-glide: its Rust core pipelines what Python awaits one by one; `stat` in two."""

    is_pinned = False

    async def open(self, url: str, layers: Sequence[Layer]) -> None:
        host, port = address(url)
        self.client = await glide.GlideClient.create(
            glide.GlideClientConfiguration(
                [glide.NodeAddress(host, port)],
                request_timeout=5000,
                inflight_requests_limit=10_000,
            )
        )

    async def meta(self, dgst: str) -> Found:
        return found_in(await self.client.hmget(meta_key(dgst), ["path", "length"]))

    async def stat(self, repo: str, dgst: str) -> Found:
        assert await self.client.sismember(member_key(repo), dgst)
        return await self.meta(dgst)

    async def close(self) -> None:
        await self.client.close()


class Cashews:
    """cashews over Redis: a value under a key, pickled by itself; it knows of no memberships."""

    is_pinned = True

    async def open(self, url: str, layers: Sequence[Layer]) -> None:
        self.cache = cashews.Cache()
        self.cache.setup(url, max_connections=MOST_CONNECTIONS)
        await self.cache.set_many({f"cashews:{layer.dgst}": (layer.path, layer.length) for layer in layers})

    async def meta(self, dgst: str) -> Found:
        found = await self.cache.get(f"cashews:{dgst}")
        assert found is not None
        path, length = found
        return path, length

    async def close(self) -> None:
        await self.cache.close()


class Aiocache:
    """aiocache over Redis: a value under a key, as JSON; it knows of no memberships."""

    is_pinned = True

    async def open(self, url: str, layers: Sequence[Layer]) -> None:
        host, port = address(url)
        self.cache = aiocache.RedisCache(
            endpoint=host,
            port=port,
            pool_max_size=MOST_CONNECTIONS,
            serializer=JsonSerializer(),
        )
        for start in range(0, len(layers), 500):
            some = layers[start : start + 500]
            await self.cache.multi_set(
                [(f"aiocache:{layer.dgst}", (layer.path, layer.length)) for layer in some]
            )

    async def meta(self, dgst: str) -> Found:
        path, length = await self.cache.get(f"aiocache:{dgst}")
        return path, length

    async def close(self) -> None:
        await self.cache.close()


CONTENDERS: dict[str, Callable[[], Contender]] = {
    "layercache": Ours,
    "layercache, unparsed names": OursUnparsed,
    "layercache, one deadline": OursUnderADeadline,
    "layercache, each a deadline": OursUnderDeadlines,
    "bare wire": BareWire,
    "redis-py": RedisPy,
    "redis-py pipelines": RedisPyPipelines,
    "coredis": Coredis,
    "valkey-glide": Glide,
    "cashews": Cashews,
    "aiocache": Aiocache,
}

Operation = Callable[[Layer], Awaitable[Found]]


def rows(contender: Contender, layers: Sequence[Layer]) -> Sequence[Layer]:
    """What the contender is asked for: *layers*, with names as it would be given them."""
    if not (isinstance(contender, Ours) and contender.has_parsed):
        return layers
    return [
        layer._replace(repo=parse_repository(layer.repo), dgst=parse_digest(layer.dgst)) for layer in layers
    ]


def operation(contender: Contender, name: str) -> Operation | None:
    """What *name* does for a layer; None if the contender has no such thing."""
    call = getattr(contender, name, None)
    if call is None:
        return None
    if name == "stat":
        return lambda layer: call(layer.repo, layer.dgst)
    return lambda layer: call(layer.dgst)
