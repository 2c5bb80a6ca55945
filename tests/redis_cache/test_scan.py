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
    """The meta of *dgst*."""
    return LayerMeta(blob_path(dgst), 7)


def all_of(batches: list[Batch]) -> Batch:
    """All that is in *batches*, each thing once."""
    members, metas, traces, corrupt = (
        sorted({one for batch in batches for one in batch[at]}) for at in range(4)
    )
    return Batch(members, metas, traces, corrupt)  # type: ignore[arg-type]  # as they were


async def walk(cache: RedisCache) -> Batch:
    """All that a walk of *cache* finds."""
    return all_of([batch async for batch in cache.scan(CTX)])


async def fill(cache: RedisCache, repo: str, numbers: range) -> None:
    """Have *repo* know some layers."""
    for number in numbers:
        await cache.put(CTX, repo, digest(number), meta(digest(number)))


async def test_empty(cache: RedisCache) -> None:
    """The walk of an empty server is empty."""
    assert await walk(cache) == Batch([], [], [], [])


async def test_everything_is_walked(cache: RedisCache) -> None:
    """Every membership, every meta and every leftover is in the walk, however many there are of a kind."""
    await fill(cache, "large", range(LARGE))
    repos = [f"x/{number}" for number in range(3 * SETS)]
    for repo in repos:
        await cache.add(CTX, repo, DIGEST)
    await cache.set_meta(CTX, DIGEST, meta(DIGEST))
    pairs = [("large", digest(number)) for number in range(LARGE)] + [(repo, DIGEST) for repo in repos]
    metas = [(dgst, meta(dgst)) for dgst in (*map(digest, range(LARGE)), DIGEST)]
    assert await walk(cache) == Batch(sorted(pairs), sorted(metas), sorted(pairs), [])


async def test_what_stays_is_walked(cache: RedisCache, other: RedisCache) -> None:
    """What is there all the time is in the walk, whatever comes and goes meanwhile."""
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
    found = all_of(batches)
    assert {("x", digest(number)) for number in range(LARGE - 100)} <= set(found.members)
    assert {digest(number) for number in range(LARGE - 100)} <= {dgst for dgst, _ in found.metas}


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
    """What makes no sense is reported by its key, and all else as ever."""
    await cache.put(CTX, "y", digest(1), meta(digest(1)))
    redis_server.ask(*command)
    found = await walk(cache)
    assert found == Batch([("y", digest(1))], [(digest(1), meta(digest(1)))], [("y", digest(1))], [corrupt])


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
    """What is not ours, or makes no answer, is not in the walk."""
    redis_server.ask(*command)
    assert await walk(cache) == Batch([], [], [], [])


async def test_leases_are_not_walked(cache: RedisCache) -> None:
    """Leases and removal markers are no entries."""
    await cache.lease(CTX, "x", DIGEST)
    async with cache.removing(CTX, "y", DIGEST), cache.forgetting(CTX, digest(1)):
        assert await walk(cache) == Batch([], [], [], [])


async def test_odd_names_are_walked(cache: RedisCache) -> None:
    """A name that the cache can be asked for is in the walk, whether the grammar allows it or not."""
    await cache.put(CTX, "Not/A/Name", "latest", meta("latest"))
    found = await walk(cache)
    assert found.members == [("Not/A/Name", "latest")]
    assert found.metas == [("latest", meta("latest"))]


async def test_another_server(own_server: RedisServer, make_cache: MakeCache) -> None:
    """When another server answers in the middle of a walk, all that this one knows is in the walk."""
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
    """If a server refuses a command of the walk, the caller gets an error of the library."""
    own_server.ask("ACL", "SETUSER", "default", "-info")
    with pytest.raises(BackendError, match="NOPERM"):
        await walk(make_cache(own_server.url))


async def test_discard(cache: RedisCache, redis_server: RedisServer) -> None:
    """The key of a repository's members is dropped if it is no set, and only then."""
    redis_server.ask("SET", "repository::x::blobs", "x")
    assert await cache.discard(CTX, "x")
    assert await cache.contains(CTX, "x", DIGEST) is False
    await cache.add(CTX, "x", DIGEST)
    assert not await cache.discard(CTX, "x")
    assert await cache.contains(CTX, "x", DIGEST)
    assert not await cache.discard(CTX, "y")


# ---- the walk of one repository


async def pages_of(cache: RedisCache, repo: str) -> list[list[str]]:
    """The pages that the cache lists of *repo*."""
    return [list(page) async for page in cache.list_repository(CTX, repo)]


def sorted_digests(pages: list[list[str]]) -> list[str]:
    """The digests of *pages*, each once."""
    return sorted({dgst for page in pages for dgst in page})


async def test_a_repository_is_listed_in_pages(cache: RedisCache) -> None:
    """All members of a repository are listed, page by page, and no other's; of an unknown one, none."""
    await fill(cache, "x", range(LARGE))
    await cache.add(CTX, "x/y", DIGEST)
    pages = await pages_of(cache, "x")
    assert len(pages) > 1
    assert sorted_digests(pages) == [digest(number) for number in range(LARGE)]
    assert sorted_digests(await pages_of(cache, "x/y")) == [DIGEST]
    assert sorted_digests(await pages_of(cache, "unknown")) == []


async def test_a_repository_that_grows_is_listed(cache: RedisCache, other: RedisCache) -> None:
    """What is a member all the time is listed, though the set grows between the pages."""
    await fill(cache, "x", range(LARGE))
    pages = []
    added = 0
    async for page in cache.list_repository(CTX, "x"):
        pages.append(list(page))
        if added < LARGE:  # The table of the set is doubled under the cursor.
            await fill(other, "x", range(LARGE + added, LARGE + added + COUNT))
            added += COUNT
    assert added == LARGE
    listed = set(sorted_digests(pages))
    assert listed >= {digest(number) for number in range(LARGE)}
    assert listed <= {digest(number) for number in range(LARGE + added)}


async def test_a_repository_of_a_wrong_type_lists_nothing(
    cache: RedisCache, redis_server: RedisServer
) -> None:
    """What is corrupt is left out and raises nothing: a key that is no set, a member that is no name."""
    redis_server.ask("SET", "repository::x::blobs", "no set")
    assert sorted_digests(await pages_of(cache, "x")) == []
    redis_server.ask("SADD", "repository::y::blobs", DIGEST, "a b", "", b"\xff")
    assert sorted_digests(await pages_of(cache, "y")) == [DIGEST]


async def test_another_server_lists_a_repository(own_server: RedisServer, make_cache: MakeCache) -> None:
    """When another server answers in the middle of a listing, all that this one knows is listed."""
    cache = make_cache(own_server.url)
    await fill(cache, "x", range(LARGE))
    pages = []
    async for page in cache.list_repository(CTX, "x"):
        pages.append(list(page))
        if len(pages) == 1:
            own_server.kill()
            own_server.start()
            await fill(make_cache(own_server.url), "x", range(LARGE, 2 * LARGE))
    assert set(sorted_digests(pages)) >= {digest(number) for number in range(LARGE, 2 * LARGE)}


async def test_a_listing_ends_with_its_context(cache: RedisCache) -> None:
    """A listing goes no further than its context."""
    await fill(cache, "x", range(LARGE))
    with CTX.with_cancel() as ctx:
        pages = cache.list_repository(ctx, "x")
        await anext(pages)
        ctx.cancel()
        with pytest.raises(CanceledError):
            [page async for page in pages]


async def test_a_cache_with_near_entries_is_walked(
    cache: RedisCache, make_cache: MakeCache, redis_server: RedisServer
) -> None:
    """A cache with near entries walks all that Redis knows, not only what is near, and discards there."""
    await fill(cache, "x", range(LARGE))
    near = make_cache(redis_server.url, near=10)
    assert await walk(near) == await walk(cache)
    assert sorted_digests(await pages_of(near, "x")) == sorted_digests(await pages_of(cache, "x"))
    redis_server.ask("SET", "repository::y::blobs", "no set")
    assert await near.discard(CTX, "y")
    assert not await near.contains(CTX, "y", DIGEST)
