"""A layer that is near of a real server, and how one sees that it is."""

import asyncio

from redis.backoff import ConstantBackoff

from layercache import (
    LayerMeta,
    NotFoundError,
    TieredCache,
    background,
)
from layercache.backends.redis import scripts
from layercache.backends.redis.transport.handshake import Handshake
from layercache.backends.redis.transport.link import Link
from layercache.testing import new_digest, new_repository
from tests.servers import RedisServer

CTX = background()
REPO, DGST, META = new_repository(), new_digest(), LayerMeta("/data", 7)
SET, HASH = f"repository::{REPO}::blobs", f"blobs::{DGST}"

HEARTBEAT = 0.3  # seconds; a server that is starved for two of them is given up
MAX_STALENESS = 2 * HEARTBEAT

Command = tuple[str | int, ...]


async def heard(cache: TieredCache) -> None:
    """Return when *cache* has heard of all that was done to its server before."""
    await cache.contains(CTX, new_repository(), new_digest())


async def found(cache: TieredCache) -> LayerMeta | None:
    """What *cache* says of the layer."""
    try:
        return await cache.stat(CTX, REPO, DGST)
    except NotFoundError:
        return None


async def is_near(cache: TieredCache) -> bool:
    """Whether *cache* answers for the layer without asking the server."""
    task = asyncio.ensure_future(found(cache))
    await asyncio.sleep(0)
    is_answered = task.done()
    await task
    return is_answered


async def bring_near(cache: TieredCache) -> None:
    """Have the server know the layer, and *cache* answer without it."""
    await cache.put(CTX, REPO, DGST, META)
    while not await is_near(cache):  # trust begins with the first PING that was answered
        assert await found(cache) == META


def link_to(server: RedisServer, **options: object) -> Link:
    """A link that tries again soon, with a short heartbeat."""
    handshake = Handshake.from_url(server.url, *scripts.LOADING)
    return Link(handshake, heartbeat=HEARTBEAT, backoff=ConstantBackoff(0.01), **options)  # type: ignore[arg-type]  # as above
