"""What the cache leaves in Redis, and what Go registries make of it and leave there themselves.

Here a Go registry is the commands that it sends, literally.
"""

from collections.abc import Awaitable, Callable

import pytest

from layercache.backends.redis.cache import RedisCache
from layercache.cache import LayerInfoCache
from layercache.context import background
from layercache.errors import NotFoundError
from layercache.meta import LayerMeta
from tests.redis_cache.conftest import MakeCache
from tests.servers import RedisServer

CTX = background()
REPO = "library/a"
DIGEST = "sha256:" + "0123456789abcdef" * 4
PATH = "/docker/registry/v2/blobs/sha256/01/" + "0123456789abcdef" * 4 + "/data"
META = LayerMeta(PATH, 7, "application/vnd.oci.image.layer.v1.tar+gzip")

MEMBERS = f"repository::{REPO}::blobs"
HASH = f"blobs::{DIGEST}"
SCOPED = f"repository::{REPO}::blobs::{DIGEST}"
GO_TYPE = "application/octet-stream"

KEYS = (MEMBERS, HASH, SCOPED)


def keys(server: RedisServer) -> set[str]:
    """Every key on *server*."""
    found = server.ask("KEYS", "*")
    assert isinstance(found, list)
    return {key.decode() for key in found}


def ends(server: RedisServer, key: str) -> int:
    """In how many milliseconds *key* ends; -1 if never."""
    found = server.ask("PTTL", key)
    assert isinstance(found, int)
    return found


async def put_by_word(cache: LayerInfoCache) -> None:
    """Store both halves by `put`."""
    await cache.put(CTX, REPO, DIGEST, META)


async def put_by_two_words(cache: LayerInfoCache) -> None:
    """Store both halves one by one."""
    await cache.set_meta(CTX, DIGEST, META)
    await cache.add(CTX, REPO, DIGEST)


async def put_by_fill(cache: LayerInfoCache) -> None:
    """Store both halves as a reader does."""
    lease = await cache.lease(CTX, REPO, DIGEST)
    assert lease is not None
    assert await cache.fill(CTX, lease, META)


async def put_by_bracket(cache: LayerInfoCache) -> None:
    """Store both halves as a commit does."""
    async with cache.adding(CTX, REPO, DIGEST, META):
        pass


Put = Callable[[LayerInfoCache], Awaitable[None]]

every_put = pytest.mark.parametrize(
    "put",
    [put_by_word, put_by_two_words, put_by_fill, put_by_bracket],
    ids=lambda put: put.__name__,
)


# ---- what we leave


@every_put
async def test_what_is_stored(put: Put, cache: RedisCache, redis_server: RedisServer) -> None:
    """Each way to store both halves leaves the same keys, and no lease."""
    await put(cache)
    assert keys(redis_server) == set(KEYS)
    assert redis_server.ask("SMEMBERS", MEMBERS) == {DIGEST.encode()}
    assert redis_server.ask("HGETALL", HASH) == {
        b"path": PATH.encode(),
        b"length": b"7",
        b"digest": DIGEST.encode(),
        b"size": b"7",
        b"mediatype": META.media_type.encode(),
        b"writer": b"layercache",
    }
    of_the_repository = b"" if put is put_by_two_words else META.media_type.encode()
    assert redis_server.ask("HGETALL", SCOPED) == {b"mediatype": of_the_repository}


@every_put
async def test_nothing_is_left_of_what_is_gone(
    put: Put, cache: RedisCache, redis_server: RedisServer
) -> None:
    """After `remove` and `forget`, and after their brackets, there is not one key."""
    await put(cache)
    await cache.remove(CTX, REPO, DIGEST)
    await cache.forget(CTX, DIGEST)
    assert keys(redis_server) == set()
    await put(cache)
    async with cache.removing(CTX, REPO, DIGEST), cache.forgetting(CTX, DIGEST):
        pass
    assert keys(redis_server) == set()


async def test_a_type_that_is_known_stays(cache: RedisCache, redis_server: RedisServer) -> None:
    """To add what is known already keeps the media type that the repository has for it."""
    await cache.put(CTX, REPO, DIGEST, META)
    await cache.add(CTX, REPO, DIGEST)
    assert redis_server.ask("HGET", SCOPED, "mediatype") == META.media_type.encode()


async def test_a_lease_of_the_meta_alone_touches_no_repository(
    cache: RedisCache, redis_server: RedisServer
) -> None:
    """A fill without a repository stores the meta, and nothing beside it."""
    lease = await cache.lease(CTX, None, DIGEST)
    assert lease is not None
    assert keys(redis_server) == {f"{{{HASH}}}::lease"}
    assert await cache.fill(CTX, lease, META)
    assert keys(redis_server) == {HASH}


# ---- how long


@every_put
async def test_what_is_stored_ends(put: Put, make_cache: MakeCache, redis_server: RedisServer) -> None:
    """With a ttl every key ends, a little before that time."""
    await put(make_cache(redis_server.url, ttl=1_000))
    for key in KEYS:
        assert 890_000 < ends(redis_server, key) <= 1_000_000


async def test_what_is_stored_ends_one_by_one(make_cache: MakeCache, redis_server: RedisServer) -> None:
    """What is stored at once does not end at once."""
    cache = make_cache(redis_server.url, ttl=1_000_000)
    for number in range(20):
        await cache.set_meta(CTX, f"sha256:{number}", META)
    seconds = {ends(redis_server, f"blobs::sha256:{number}") // 1_000 for number in range(20)}
    assert len(seconds) > 10


@every_put
async def test_what_is_stored_stays(put: Put, cache: RedisCache, redis_server: RedisServer) -> None:
    """Without a ttl no key ends."""
    await put(cache)
    assert [ends(redis_server, key) for key in KEYS] == [-1, -1, -1]


async def test_a_set_lives_on_with_each_member(make_cache: MakeCache, redis_server: RedisServer) -> None:
    """A member that is added gives the whole set its time."""
    cache = make_cache(redis_server.url, ttl=1_000)
    await cache.add(CTX, REPO, DIGEST)
    redis_server.ask("PEXPIRE", MEMBERS, 5_000)
    await cache.add(CTX, REPO, "sha256:other")
    assert ends(redis_server, MEMBERS) > 890_000


async def test_leases_and_markers_end(make_cache: MakeCache, redis_server: RedisServer) -> None:
    """A lease that is not used, and a removal that is not ended, expire."""
    cache = make_cache(redis_server.url, lease_seconds=20, closing_seconds=40)
    await cache.lease(CTX, REPO, DIGEST)
    leases = keys(redis_server)
    assert leases == {f"{{{MEMBERS}}}::lease::{DIGEST}", f"{{{HASH}}}::lease"}
    assert all(0 < ends(redis_server, key) <= 20_000 for key in leases)
    async with cache.removing(CTX, REPO, DIGEST):
        assert 20_000 < ends(redis_server, f"{{{MEMBERS}}}::lease::{DIGEST}") <= 40_000


# ---- shared with a Go registry


def go_stat(server: RedisServer) -> tuple[str, int, str] | None:
    """What Go's scoped Stat finds: digest, size and media type; None if it asks the storage."""
    if not server.ask("SISMEMBER", MEMBERS, DIGEST):
        return None
    found = server.ask("HMGET", HASH, "digest", "size", "mediatype")
    assert isinstance(found, list)
    digest, size, media_type = found
    if digest is None or size is None:
        return None
    scoped = server.ask("HGET", SCOPED, "mediatype")
    assert isinstance(scoped, bytes), "Go takes this for a failure of Redis"
    return digest.decode(), int(size), (scoped or media_type).decode()


def go_set_descriptor(server: RedisServer) -> None:
    """What Go stores when it was pushed a blob, or found one in its storage."""
    server.ask("SADD", MEMBERS, DIGEST)
    server.ask("HMSET", HASH, "digest", DIGEST, "size", 7)
    server.ask("HSETNX", HASH, "mediatype", GO_TYPE)
    server.ask("HSET", SCOPED, "mediatype", GO_TYPE)


GO_CLEARS = {"older": ("digest", "length", "mediatype"), "2.8.2": ("digest", "size", "mediatype")}


@every_put
async def test_go_finds_what_we_store(put: Put, cache: RedisCache, redis_server: RedisServer) -> None:
    """A Go registry finds a whole descriptor, with the media type that we stored."""
    await put(cache)
    assert go_stat(redis_server) == (DIGEST, 7, META.media_type)


@every_put
async def test_go_asks_again_what_we_remove(put: Put, cache: RedisCache, redis_server: RedisServer) -> None:
    """A Go registry asks its storage again for what we removed, and for what we forgot."""
    await put(cache)
    await cache.remove(CTX, REPO, DIGEST)
    assert go_stat(redis_server) is None
    await put(cache)
    await cache.forget(CTX, DIGEST)
    assert go_stat(redis_server) is None


async def test_we_find_what_go_stores(cache: RedisCache, redis_server: RedisServer) -> None:
    """What a Go registry stores is found, at the path where it keeps it."""
    go_set_descriptor(redis_server)
    assert await cache.contains(CTX, REPO, DIGEST)
    assert await cache.stat(CTX, REPO, DIGEST) == LayerMeta(PATH, 7, GO_TYPE)
    assert await cache.stat_many(CTX, REPO, [DIGEST]) == [LayerMeta(PATH, 7, GO_TYPE)]


@pytest.mark.parametrize("fields", GO_CLEARS.values(), ids=GO_CLEARS)
@every_put
async def test_what_go_clears_is_gone(
    put: Put, fields: tuple[str, ...], cache: RedisCache, redis_server: RedisServer
) -> None:
    """What a Go registry clears is a miss, by whichever writer, though it leaves fields and the member."""
    for store in (put, None):
        if store is None:
            go_set_descriptor(redis_server)
        else:
            await store(cache)
        redis_server.ask("HDEL", HASH, *fields)
        with pytest.raises(NotFoundError):
            await cache.stat(CTX, REPO, DIGEST)
        assert await cache.stat_many(CTX, REPO, [DIGEST]) == [None]


async def test_what_go_clears_can_come_back(cache: RedisCache, redis_server: RedisServer) -> None:
    """Over what a Go registry left of an entry, both can store again."""
    for fields in GO_CLEARS.values():
        await cache.put(CTX, REPO, DIGEST, META)
        redis_server.ask("HDEL", HASH, *fields)
        go_set_descriptor(redis_server)
        assert await cache.stat(CTX, REPO, DIGEST) == LayerMeta(PATH, 7, GO_TYPE)
        redis_server.ask("HDEL", HASH, *fields)
        await cache.put(CTX, REPO, DIGEST, META)
        assert await cache.stat(CTX, REPO, DIGEST) == META
