"""Nodes that are not in a hurry: tiered caches before a real server, on a machine that may be busy.

To ask for what nobody has is a round trip: of what happened before it, all is
heard after it.
"""

from collections.abc import Coroutine
from typing import TypeVar

from layercache import LayerMeta, MemoryCache, RedisCache, TieredCache, background
from layercache.backends.redis import scripts
from layercache.backends.redis.transport.handshake import Handshake
from layercache.backends.redis.transport.link import Link
from layercache.testing import new_digest

T = TypeVar("T")

CTX = background()
NOBODY, NOTHING = "nobody", new_digest()
HEARTBEAT = 30.0  # seconds


def node(url: str, max_entries: int) -> TieredCache:
    """A tiered cache that takes no busy machine for a silent server."""
    link = Link(Handshake.from_url(url, *scripts.LOADING), heartbeat=HEARTBEAT)
    return TieredCache(MemoryCache(max_entries), RedisCache(link), max_staleness=3 * HEARTBEAT)


async def heard(cache: TieredCache) -> None:
    """Return when *cache* has heard of all that was done to its server before."""
    await cache.contains(CTX, NOBODY, NOTHING)


def at_once(question: Coroutine[object, object, T]) -> T:
    """The answer to *question*, which is near, and so is there before anything else can happen."""
    try:
        question.send(None)
    except StopIteration as end:
        answer: T = end.value
        return answer
    question.close()
    raise AssertionError("it was asked far away")


def meta(version: int) -> LayerMeta:
    """Where a layer lies in a version of it."""
    return LayerMeta("/data", version)
