"""The walk of all that a Redis knows, while others write to it."""

import pytest

from layercache.backend import Batch, CorruptKey
from layercache.backends.redis.cache import RedisCache
from layercache.backends.redis.scan import COUNT, SETS
from layercache.context import background
from layercache.errors import BackendError, CanceledError
from layercache.meta import LayerMeta, blob_path
from tests.redis_cache.conftest import MakeCache
from tests.servers import RedisServer

CTX = background()
LARGE = 3 * COUNT  # more than one page
DIGEST = "sha256:" + "0123456789abcdef" * 4
META_KEY = f"blobs::{DIGEST}"
SCOPED_KEY = f"repository::x::blobs::{DIGEST}"


def digest(number: int) -> str:
    """A digest."""
    return f"sha256:{number:064x}"


def meta(dgst: str) -> LayerMeta:
    """Where it lies."""
    return LayerMeta(blob_path(dgst), 7)


def all_of(batches: list[Batch]) -> Batch:
    """What *batches* tell together, each thing once."""
    members, metas, traces, corrupt = (
        sorted({one for batch in batches for one in batch[at]}) for at in range(4)
    )
    return Batch(members, metas, traces, corrupt)  # type: ignore[arg-type]  # as they were


async def walk(cache: RedisCache) -> Batch:
    """All that the cache tells."""
    return all_of([batch async for batch in cache.scan(CTX)])


async def fill(cache: RedisCache, repo: str, numbers: range) -> None:
    """Have *repo* know some layers."""
    for number in numbers:
        await cache.put(CTX, repo, digest(number), meta(digest(number)))


async def test_empty(cache: RedisCache) -> None:
    """Of an empty server, nothing is told."""
    assert await walk(cache) == Batch([], [], [], [])


async def test_everything_is_told(cache: RedisCache) -> None:
    """Every membership, every meta and every trace is told, however many there are of a kind."""
    await fill(cache, "large", range(LARGE))
    repos = [f"x/{number}" for number in range(3 * SETS)]
    for repo in repos:
        await cache.add(CTX, repo, DIGEST)
    await cache.set_meta(CTX, DIGEST, meta(DIGEST))
    pairs = [("large", digest(number)) for number in range(LARGE)] + [(repo, DIGEST) for repo in repos]
    metas = [(dgst, meta(dgst)) for dgst in (*map(digest, range(LARGE)), DIGEST)]
    assert await walk(cache) == Batch(sorted(pairs), sorted(metas), sorted(pairs), [])


async def test_what_stays_is_told(cache: RedisCache, other: RedisCache) -> None:
    """What is there all the time is told, whatever comes and goes meanwhile."""
    await fill(cache, "x", range(LARGE))
    batches = []
    numbers = iter(range(LARGE, 100 * LARGE))
    async for batch in cache.scan(CTX):
        batches.append(batch)
        for number in (next(numbers) for _ in range(200)):  # The tables of the server grow, and shrink.
            await other.put(CTX, "x", digest(number), meta(digest(number)))
            await other.forget(CTX, digest(number - 100))
            await other.remove(CTX, "x", digest(number - 100))
        if len(batches) > 50:
            numbers = iter(())
    told = all_of(batches)
    assert {("x", digest(number)) for number in range(LARGE - 100)} <= set(told.members)
    assert {digest(number) for number in range(LARGE - 100)} <= {dgst for dgst, _ in told.metas}


@pytest.mark.parametrize(
    ("command", "corrupt"),
    [
        (("SET", META_KEY, "x"), CorruptKey(META_KEY, "", None, DIGEST)),
        (("HSET", META_KEY, "path", "/x"), CorruptKey(META_KEY, "length", None, DIGEST)),
        (("HSET", META_KEY, "digest", DIGEST, "size", "-1"), CorruptKey(META_KEY, "size", None, DIGEST)),
        (("SET", "repository::x::blobs", "x"), CorruptKey("repository::x::blobs", "", "x", None)),
        (("SET", SCOPED_KEY, "x"), CorruptKey(SCOPED_KEY, "", "x", DIGEST)),
        (("SADD", "repository::x::blobs", "a b"), CorruptKey("repository::x::blobs", "b'a b'", "x", None)),
        (("SADD", "repository::x::blobs", ""), CorruptKey("repository::x::blobs", "b''", "x", None)),
        (
            ("SADD", "repository::x::blobs", b"\xff"),
            CorruptKey("repository::x::blobs", r"b'\xff'", "x", None),
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
async def test_corrupt_keys(
    cache: RedisCache, redis_server: RedisServer, command: tuple[str, ...], corrupt: CorruptKey
) -> None:
    """What makes no sense is told by its key, and what lies beside it as ever."""
    await cache.put(CTX, "y", digest(1), meta(digest(1)))
    redis_server.ask(*command)
    told = await walk(cache)
    assert told == Batch([("y", digest(1))], [(digest(1), meta(digest(1)))], [("y", digest(1))], [corrupt])


@pytest.mark.parametrize(
    "command",
    [
        ("SET", "blobs", "x"),
        ("SET", "blobs::counter", "x"),
        ("HSET", "blobs::settings", "color", "red"),
        ("HSET", META_KEY, "color", "red"),
        ("SET", "repository::NOT::blobs", "x"),
        ("SET", f"repository::NOT::blobs::{DIGEST}", "x"),
        ("SET", "repository::x::blobs::a::b", "x"),
        ("SADD", "repository::::blobs", DIGEST),
        ("SADD", "repository::a b::blobs", DIGEST),
        ("SADD", "myblobs", DIGEST),
        ("SET", b"blobs::\xff", "x"),
        ("SET", "{repository::x::blobs}::lease::" + DIGEST, "a1"),
        ("SET", f"{{blobs::{DIGEST}}}::lease", "closing:a1"),
        ("HSET", META_KEY, "size", "7"),  # what a Go registry leaves of a blob that it deletes
    ],
    ids=lambda command: str(command[1]),
)
async def test_foreign_keys(cache: RedisCache, redis_server: RedisServer, command: tuple[str, ...]) -> None:
    """What is not ours, or makes no answer, is not told."""
    redis_server.ask(*command)
    assert await walk(cache) == Batch([], [], [], [])


async def test_leases_are_not_told(cache: RedisCache) -> None:
    """Leases and closing markers are no entries."""
    await cache.lease(CTX, "x", DIGEST)
    async with cache.removing(CTX, "y", DIGEST), cache.forgetting(CTX, digest(1)):
        assert await walk(cache) == Batch([], [], [], [])


async def test_odd_names_are_told(cache: RedisCache) -> None:
    """A name that the contract lets be asked for is told, be it one of the grammar or not."""
    await cache.put(CTX, "Not/A/Name", "latest", meta("latest"))
    told = await walk(cache)
    assert told.members == [("Not/A/Name", "latest")]
    assert told.metas == [("latest", meta("latest"))]


async def test_another_server(own_server: RedisServer, make_cache: MakeCache) -> None:
    """When another server answers in the middle of a walk, all that this one knows is told."""
    cache = make_cache(own_server.url)
    await fill(cache, "x", range(LARGE))
    batches = []
    async for batch in cache.scan(CTX):
        batches.append(batch)
        if len(batches) == 2:
            own_server.kill()
            own_server.start()
            await fill(make_cache(own_server.url), "y", range(LARGE))
    assert set(all_of(batches).members) >= {("y", digest(number)) for number in range(LARGE)}


async def test_ends_with_its_context(cache: RedisCache) -> None:
    """A walk goes no further than its context."""
    await fill(cache, "x", range(LARGE))
    with CTX.with_cancel() as ctx:
        batches = cache.scan(ctx)
        await anext(batches)
        ctx.cancel()
        with pytest.raises(CanceledError):
            [batch async for batch in batches]


async def test_server_that_does_not_allow_it(
    cache: RedisCache, own_server: RedisServer, make_cache: MakeCache
) -> None:
    """A server that refuses a command of the walk is an error of the library's own."""
    own_server.ask("ACL", "SETUSER", "default", "-info")
    with pytest.raises(BackendError, match="NOPERM"):
        await walk(make_cache(own_server.url))


async def test_discard(cache: RedisCache, redis_server: RedisServer) -> None:
    """What lies in the place of a repository's members is dropped if it is no set, and only then."""
    redis_server.ask("SET", "repository::x::blobs", "x")
    assert await cache.discard(CTX, "x")
    assert await cache.contains(CTX, "x", DIGEST) is False
    await cache.add(CTX, "x", DIGEST)
    assert not await cache.discard(CTX, "x")
    assert await cache.contains(CTX, "x", DIGEST)
    assert not await cache.discard(CTX, "y")
