"""A layer on a real server, which a cache keeps near, and how a test sees that it does."""

import asyncio

from redis.backoff import ConstantBackoff

from layercache import (
    LayerMeta,
    NotFoundError,
    RedisCache,
    background,
)
from layercache.backends.redis import scripts
from layercache.backends.redis.near import NearState
from layercache.backends.redis.transport.handshake import Handshake
from layercache.testing import new_digest, new_repository
from tests.near.simulated import FollowedLink
from tests.servers import RedisServer

CTX = background()
REPO, DGST, META = new_repository(), new_digest(), LayerMeta("/data", 7)
UNKNOWN = new_repository(), new_digest()
SET, HASH = f"repository::{REPO}::blobs", f"blobs::{DGST}"

HEARTBEAT = 0.3  # seconds; a server that gets no processor time for two of them is given up
MAX_STALENESS = 2 * HEARTBEAT

Command = tuple[str | int, ...]


def state_of(cache: RedisCache) -> NearState:
    """The state of what *cache* keeps near."""
    state = cache.near_state
    assert state is not None
    return state


async def catch_up(cache: RedisCache) -> None:
    """Return when *cache* has read every push of what was done to its server before.

    It asks for what is unknown: a miss is not kept near, so this is a round trip.
    """
    await cache.contains(CTX, *UNKNOWN)


async def find(cache: RedisCache) -> LayerMeta | None:
    """The answer of *cache* about the layer; None for a miss."""
    try:
        return await cache.stat(CTX, REPO, DGST)
    except NotFoundError:
        return None


async def is_near(cache: RedisCache) -> bool:
    """Whether *cache* answers for the layer without asking the server."""
    task = asyncio.ensure_future(find(cache))
    await asyncio.sleep(0)
    is_answered = task.done()
    await task
    return is_answered


async def bring_near(cache: RedisCache) -> None:
    """Have the server know the layer, and *cache* answer without it."""
    await cache.put(CTX, REPO, DGST, META)
    while not await is_near(cache):  # trust begins with the first PING that was answered
        assert await find(cache) == META


def link_to(server: RedisServer, **options: object) -> FollowedLink:
    """A link that tries again soon, with a short heartbeat."""
    handshake = Handshake.from_url(server.url, *scripts.LOADING)
    return FollowedLink(handshake, heartbeat=HEARTBEAT, backoff=ConstantBackoff(0.01), **options)  # type: ignore[arg-type]  # as above
