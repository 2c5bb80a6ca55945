"""Holds in Redis: how long they last, beside other brackets, and the error if one cannot be placed."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from layercache import LayerInfoCache
from layercache.backends.redis import scripts
from layercache.backends.redis.cache import RedisCache
from tests.redis_cache.conftest import MakeCache
from tests.redis_cache.operations import CTX, DIGEST, REPO
from tests.servers import RedisServer

MEMBER_LEASE = f"{{repository::{REPO}::blobs}}::lease::{DIGEST}"
META_LEASE = f"{{blobs::{DIGEST}}}::lease"


class StorageError(Exception):
    """What interrupts a body here."""


async def interrupt(cache: LayerInfoCache, after: Callable[[], object] = lambda: None) -> None:
    """Have a removal be interrupted *after* something."""
    with suppress(StorageError):
        async with cache.removing(CTX, REPO, DIGEST):
            after()
            raise StorageError


def left(server: RedisServer, key: str = MEMBER_LEASE) -> float:
    """Seconds until the value beside the half ends."""
    milliseconds = server.ask("PTTL", key)
    assert isinstance(milliseconds, int)
    return milliseconds / 1_000


async def test_a_hold_is_set_anew(cache: RedisCache, redis_server: RedisServer) -> None:
    """A hold lasts `closing_seconds` from the interruption, though the marker was near its end, or gone."""
    await interrupt(cache, lambda: redis_server.ask("PEXPIRE", MEMBER_LEASE, "5000"))
    assert 55 < left(redis_server) <= 60
    await interrupt(cache, lambda: redis_server.ask("DEL", MEMBER_LEASE))
    assert 55 < left(redis_server) <= 60


async def test_a_hold_ends(cache: RedisCache, redis_server: RedisServer) -> None:
    """When a hold has ended a lease is given."""
    await interrupt(cache)
    assert await cache.lease(CTX, REPO, DIGEST) is None
    redis_server.ask("PEXPIRE", MEMBER_LEASE, "0")
    assert await cache.lease(CTX, REPO, DIGEST) is not None


async def test_a_shorter_bracket_does_not_shorten(make_cache: MakeCache, redis_server: RedisServer) -> None:
    """A process with a shorter `closing_seconds` leaves a hold its time, returning or interrupted."""
    long, short = make_cache(redis_server.url), make_cache(redis_server.url, closing_seconds=1.0)
    await interrupt(long)
    async with short.removing(CTX, REPO, DIGEST):
        assert left(redis_server) > 55
    assert left(redis_server) > 55
    await interrupt(short)
    assert left(redis_server) > 55
    await short.remove(CTX, REPO, DIGEST)
    assert left(redis_server) > 55


async def test_a_longer_bracket_is_protected(make_cache: MakeCache, redis_server: RedisServer) -> None:
    """A bracket that begins under a hold near its end has the time of a marker of its own."""
    long, short = make_cache(redis_server.url), make_cache(redis_server.url, closing_seconds=1.0)
    await interrupt(short)
    assert left(redis_server) <= 1
    async with long.removing(CTX, REPO, DIGEST):
        assert left(redis_server) > 55


async def test_a_bracket_does_not_prolong(make_cache: MakeCache, redis_server: RedisServer) -> None:
    """However often a removal is retried, the hold keeps the end that its interruption gave it."""
    long, short = make_cache(redis_server.url), make_cache(redis_server.url, closing_seconds=5.0)
    await interrupt(short)
    for _ in range(3):
        async with long.removing(CTX, REPO, DIGEST):
            assert left(redis_server) > 55
        assert 0 < left(redis_server) <= 5


async def test_each_half_has_its_own(cache: RedisCache, redis_server: RedisServer) -> None:
    """An interrupted `forgetting` holds the meta and leaves the membership alone."""
    with suppress(StorageError):
        async with cache.forgetting(CTX, DIGEST):
            raise StorageError
    assert left(redis_server, META_LEASE) > 55
    assert redis_server.ask("EXISTS", MEMBER_LEASE) == 0


async def test_a_hold_that_cannot_be_placed(make_cache: MakeCache, own_server: RedisServer) -> None:
    """If Redis is gone at the interruption, the body's error is passed on, with a note."""
    cache = make_cache(own_server.url)

    async def remove() -> None:
        async with cache.removing(CTX, REPO, DIGEST):
            own_server.kill()
            raise StorageError

    with pytest.raises(StorageError) as raised:
        await remove()
    [note] = raised.value.__notes__
    assert "nor a hold placed" in note
    assert "what remains of the removal marker's time" in note


# What a process of an older version runs, which knows no holds and may share the Redis for a while.
OLD_CLEAR = """
redis.call(ARGV[2], KEYS[1], unpack(ARGV, 3))
local held = redis.pcall('GET', KEYS[2])
local failed = type(held) == 'table'
if failed and not string.find(held.err, 'WRONGTYPE') then return held end
if failed or held == ARGV[1] or held and string.sub(held, 1, 8) ~= 'closing:' then
    redis.call('DEL', KEYS[2])
end
return 1
"""
OLD_LEASE = """
local held = redis.call('GET', KEYS[1])
if not held then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    return ARGV[1]
end
return string.sub(held, 1, 8) ~= 'closing:' and held
"""


async def test_an_older_process(cache: RedisCache, redis_server: RedisServer) -> None:
    """A process of the version before holds gives no lease under a hold, and its `remove` leaves it."""
    await interrupt(cache)
    key = scripts.membership(REPO, DIGEST).clear.key
    for marker in ("", scripts.new_marker()):
        redis_server.ask("EVAL", OLD_CLEAR, "2", key, MEMBER_LEASE, marker, "SREM", DIGEST)
        assert redis_server.ask("EVAL", OLD_LEASE, "1", MEMBER_LEASE, scripts.new_token(), "1000") is None
    assert left(redis_server) > 55
