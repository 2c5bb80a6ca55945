"""The errors that a server may answer with, and what the caller gets then."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from redis.backoff import ConstantBackoff

from layercache.backends.redis import scripts
from layercache.backends.redis.cache import RedisCache
from layercache.backends.redis.resp import ReplyFault
from layercache.backends.redis.transport.handshake import Handshake
from layercache.backends.redis.transport.link import Link
from layercache.context import background
from layercache.errors import BackendError, BackendUnavailableError, CorruptEntryError, NotFoundError
from layercache.meta import LayerMeta
from tests.connection_events import ConnectionEvents
from tests.redis_cache.conftest import ON_ALL_SERVERS, MakeCache
from tests.servers import RedisServer, free_port

pytestmark = ON_ALL_SERVERS

CTX = background()
REPO = "library/a"
DIGEST = "sha256:" + "0123456789abcdef" * 4
META = LayerMeta("/blobs/a", 7)

MEMBERS = f"repository::{REPO}::blobs"
HASH = f"blobs::{DIGEST}"
SCOPED = f"repository::{REPO}::blobs::{DIGEST}"
MEMBER_LEASE = f"{{{MEMBERS}}}::lease::{DIGEST}"
META_LEASE = f"{{{HASH}}}::lease"

Operation = Callable[[RedisCache], Awaitable[object]]


async def remove_in_bracket(cache: RedisCache) -> None:
    """Remove as a handler does."""
    async with cache.removing(CTX, REPO, DIGEST):
        raise AssertionError("the body ran, though the removal was not announced")


async def forget_in_bracket(cache: RedisCache) -> None:
    """Forget as a handler does."""
    async with cache.forgetting(CTX, DIGEST):
        raise AssertionError("the body ran, though the removal was not announced")


READS: dict[str, Operation] = {
    "contains": lambda cache: cache.contains(CTX, REPO, DIGEST),
    "meta": lambda cache: cache.meta(CTX, DIGEST),
    "stat": lambda cache: cache.stat(CTX, REPO, DIGEST),
    "contains_many": lambda cache: cache.contains_many(CTX, REPO, [DIGEST, "b"]),
    "stat_many": lambda cache: cache.stat_many(CTX, REPO, [DIGEST, "b"]),
}
WRITES: dict[str, Operation] = {
    "add": lambda cache: cache.add(CTX, REPO, DIGEST),
    "set_meta": lambda cache: cache.set_meta(CTX, DIGEST, META),
    "put": lambda cache: cache.put(CTX, REPO, DIGEST, META),
    "lease": lambda cache: cache.lease(CTX, REPO, DIGEST),
    "remove": lambda cache: cache.remove(CTX, REPO, DIGEST),
    "forget": lambda cache: cache.forget(CTX, DIGEST),
    "removing": remove_in_bracket,
    "forgetting": forget_in_bracket,
}
OPERATIONS = READS | WRITES


# ---- a script that is not there


async def test_a_server_without_the_scripts(make_cache: MakeCache, redis_server: RedisServer) -> None:
    """A connection that was not greeted with the scripts does all that they do."""
    redis_server.ask("SCRIPT", "FLUSH")
    cache = make_cache(Link(Handshake.from_url(redis_server.url)))
    lease = await cache.lease(CTX, REPO, DIGEST)
    assert lease is not None
    assert await cache.fill(CTX, lease, META)
    assert await cache.stat(CTX, REPO, DIGEST) == META
    async with cache.removing(CTX, REPO, DIGEST), cache.forgetting(CTX, DIGEST):
        assert await cache.lease(CTX, REPO, DIGEST) is None
    assert not await cache.contains(CTX, REPO, DIGEST)


async def test_a_fill_of_which_half_is_refused(cache: RedisCache, redis_server: RedisServer) -> None:
    """When the script of a fill is lost, no half is stored twice or refused for having been stored."""
    lease = await cache.lease(CTX, REPO, DIGEST)
    assert lease is not None
    redis_server.ask("SCRIPT", "FLUSH")
    assert await cache.fill(CTX, lease, META)


async def test_scripts_are_flushed_in_mid_flight(cache: RedisCache, redis_server: RedisServer) -> None:
    """While the scripts are lost again and again, every lease is filled and every removal removes."""

    async def fill_and_remove(number: int) -> None:
        dgst = f"sha256:{number}"
        lease = await cache.lease(CTX, REPO, dgst)
        assert lease is not None
        assert await cache.fill(CTX, lease, META)
        assert await cache.stat(CTX, REPO, dgst) == META
        async with cache.removing(CTX, REPO, dgst):
            assert await cache.lease(CTX, REPO, dgst) is None
        assert not await cache.contains(CTX, REPO, dgst)

    async def flush() -> None:
        for _ in range(20):
            await asyncio.to_thread(redis_server.ask, "SCRIPT", "FLUSH")

    await asyncio.gather(flush(), *(fill_and_remove(number) for number in range(200)))


# ---- entries that make no sense


@pytest.mark.parametrize(
    ("operation", "key"),
    [
        ("contains", MEMBERS),
        ("contains_many", MEMBERS),
        ("stat", MEMBERS),
        ("stat", HASH),
        ("stat_many", MEMBERS),
        ("stat_many", HASH),
        ("meta", HASH),
        ("add", MEMBERS),
        ("add", SCOPED),
        ("set_meta", HASH),
        ("put", MEMBERS),
        ("put", HASH),
        ("put", SCOPED),
        ("lease", MEMBER_LEASE),
        ("lease", META_LEASE),
        ("remove", MEMBERS),
        ("removing", MEMBERS),
    ],
)
async def test_a_key_of_a_wrong_type(
    operation: str, key: str, cache: RedisCache, redis_server: RedisServer
) -> None:
    """A key of a wrong type is a corrupt entry, and is named."""
    await cache.put(CTX, REPO, DIGEST, META)
    redis_server.ask("DEL", key)
    redis_server.ask("RPUSH", key, "no such thing")
    with pytest.raises(CorruptEntryError) as caught:
        await OPERATIONS[operation](cache)
    assert (caught.value.key, caught.value.field) == (key, "")
    assert isinstance(caught.value.__cause__, ReplyFault)


@pytest.mark.parametrize("key", [MEMBERS, HASH])
async def test_a_fill_of_a_key_of_a_wrong_type(
    key: str, cache: RedisCache, redis_server: RedisServer
) -> None:
    """A fill of a key of a wrong type is an error that names the key."""
    lease = await cache.lease(CTX, REPO, DIGEST)
    assert lease is not None
    redis_server.ask("SET", key, "no such thing")
    with pytest.raises(CorruptEntryError) as caught:
        await cache.fill(CTX, lease, META)
    assert caught.value.key == key


async def test_a_meta_of_a_wrong_type_can_be_forgotten(cache: RedisCache, redis_server: RedisServer) -> None:
    """`forget` mends a key of a wrong type, since it clears the whole key."""
    redis_server.ask("SET", HASH, "no such thing")
    async with cache.forgetting(CTX, DIGEST):
        pass
    with pytest.raises(NotFoundError):
        await cache.meta(CTX, DIGEST)


MALFORMED = {
    ("length", "seven"): "length",
    ("length", "8"): "length",
    ("length", "-7"): "length",
    ("size", "7.0"): "size",
    ("size", "9223372036854775808"): "size",
    ("path", ""): "path",
}


@pytest.mark.parametrize("operation", ["meta", "stat", "stat_many"])
@pytest.mark.parametrize(("change", "field"), MALFORMED.items(), ids=str)
async def test_a_field_that_makes_no_sense(
    change: tuple[str, str], field: str, operation: str, cache: RedisCache, redis_server: RedisServer
) -> None:
    """A malformed field is a corrupt entry by each way of asking, until it is stored again."""
    await cache.put(CTX, REPO, DIGEST, META)
    redis_server.ask("HSET", HASH, *change)
    with pytest.raises(CorruptEntryError) as caught:
        await OPERATIONS[operation](cache)
    assert (caught.value.key, caught.value.field) == (HASH, field)
    await cache.put(CTX, REPO, DIGEST, META)
    await OPERATIONS[operation](cache)


# ---- a server that is full


async def test_a_full_server(make_cache: MakeCache, own_server: RedisServer) -> None:
    """A server at its maxmemory refuses to remember, goes on to answer, and can be removed from."""
    cache = make_cache(own_server.url)
    await cache.put(CTX, REPO, DIGEST, META)
    other = "sha256:other"
    lease = await cache.lease(CTX, REPO, other)
    assert lease is not None
    own_server.ask("CONFIG", "SET", "maxmemory", "1")
    for refused in (cache.put(CTX, REPO, other, META), cache.fill(CTX, lease, META)):
        with pytest.raises(BackendError, match="OOM") as caught:
            await refused
        assert type(caught.value) is BackendError
    assert await cache.stat_many(CTX, REPO, [DIGEST, other]) == [META, None]
    ran = False
    async with cache.removing(CTX, REPO, DIGEST), cache.forgetting(CTX, DIGEST):
        ran = True
    assert ran
    assert await cache.stat_many(CTX, REPO, [DIGEST]) == [None]
    own_server.ask("CONFIG", "SET", "maxmemory", "0")
    assert await cache.fill(CTX, lease, META), "the refusal has used the lease up"


async def test_a_commit_on_a_full_server(make_cache: MakeCache, own_server: RedisServer) -> None:
    """A commit whose lease is refused runs all the same, and is not remembered."""
    cache = make_cache(own_server.url)
    await cache.contains(CTX, REPO, DIGEST)
    own_server.ask("CONFIG", "SET", "maxmemory", "1")
    ran = False
    async with cache.adding(CTX, REPO, DIGEST, META):
        ran = True
    assert ran
    assert not await cache.contains(CTX, REPO, DIGEST)


# ---- a server that is no primary


@pytest.fixture
async def replica(make_cache: MakeCache, own_server: RedisServer, events: ConnectionEvents) -> RedisCache:
    """A cache on a server that has become the replica of a dead one."""
    handshake = Handshake.from_url(own_server.url, *scripts.LOADING)
    cache = make_cache(Link(handshake, on_state=events, backoff=ConstantBackoff(0.01)))
    await cache.put(CTX, REPO, DIGEST, META)
    own_server.ask("REPLICAOF", "127.0.0.1", free_port())
    return cache


@pytest.mark.parametrize("operation", WRITES)
async def test_a_replica(
    operation: str, replica: RedisCache, own_server: RedisServer, events: ConnectionEvents
) -> None:
    """A write to a replica fails, begins no removal, and the connection is given up for a new one."""
    with pytest.raises(BackendUnavailableError, match="READONLY"):
        await WRITES[operation](replica)
    await events.until_up(2)
    own_server.ask("REPLICAOF", "NO", "ONE")
    assert await replica.stat(CTX, REPO, DIGEST) == META
    assert await replica.lease(CTX, REPO, DIGEST) is not None


@pytest.mark.parametrize("operation", READS)
async def test_a_replica_without_its_master(
    operation: str, replica: RedisCache, own_server: RedisServer, events: ConnectionEvents
) -> None:
    """A read from a replica that refuses to answer without its primary fails, and it is left."""
    own_server.ask("CONFIG", "SET", "replica-serve-stale-data", "no")
    with pytest.raises(BackendUnavailableError, match="MASTERDOWN"):
        await READS[operation](replica)
    own_server.ask("REPLICAOF", "NO", "ONE")
    await events.until_up(2)
    assert await replica.stat(CTX, REPO, DIGEST) == META


# ---- a server that does not let us


async def test_a_command_that_is_not_allowed(make_cache: MakeCache, own_server: RedisServer) -> None:
    """What the server's access list forbids is a clear error; the rest works."""
    cache = make_cache(own_server.url)
    await cache.put(CTX, REPO, DIGEST, META)
    own_server.ask("ACL", "SETUSER", "default", "-hmget")
    with pytest.raises(BackendError, match="NOPERM") as caught:
        await cache.stat(CTX, REPO, DIGEST)
    assert type(caught.value) is BackendError
    assert isinstance(caught.value.__cause__, ReplyFault)
    assert await cache.contains(CTX, REPO, DIGEST)
