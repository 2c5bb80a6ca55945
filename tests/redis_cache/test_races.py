"""The races that the leases decide, each told in its order, between caches with a link of their own.

Nothing runs at the same time here: an await that has returned was carried out,
so the lines of a test are the order in which the server saw them. What could
have come in between and did not, a lost lease for instance, is done by hand.
"""

import pytest

from layercache.cache import LayerInfoCache
from layercache.context import background
from layercache.errors import NotFoundError
from layercache.meta import LayerMeta
from layercache.redis.cache import RedisCache
from tests.redis_cache.conftest import MakeCache
from tests.servers import RedisServer

CTX = background()
REPO = "library/a"
ELSEWHERE = "library/b"
DIGEST = "sha256:" + "0123456789abcdef" * 4
META = LayerMeta("/blobs/a", 7)
LATER = LayerMeta("/blobs/b", 7)

MEMBER_LEASE = f"{{repository::{REPO}::blobs}}::lease::{DIGEST}"
META_LEASE = f"{{blobs::{DIGEST}}}::lease"


@pytest.fixture
def reader(cache: RedisCache) -> RedisCache:
    """The cache of a process that asks the storage."""
    return cache


@pytest.fixture
def remover(other: RedisCache) -> RedisCache:
    """The cache of a process that deletes from the storage."""
    return other


async def says_yes(cache: LayerInfoCache) -> bool:
    """Whether *cache* claims that the repository has the layer."""
    try:
        await cache.stat(CTX, REPO, DIGEST)
    except NotFoundError:
        return False
    return True


async def test_a_fill_after_a_removal(reader: RedisCache, remover: RedisCache) -> None:
    """What the storage said before a removal is not stored after it."""
    lease = await reader.lease(CTX, REPO, DIGEST)  # 1: a miss; the storage says yes
    assert lease is not None
    async with remover.removing(CTX, REPO, DIGEST):  # 2: announced, deleted, ended
        pass
    assert not await reader.fill(CTX, lease, META)  # 3: too late
    assert not await says_yes(reader)


async def test_a_fill_within_a_removal(reader: RedisCache, remover: RedisCache) -> None:
    """What the storage said before a removal is not stored while it is under way."""
    lease = await reader.lease(CTX, REPO, DIGEST)
    assert lease is not None
    async with remover.removing(CTX, REPO, DIGEST):
        assert not await reader.fill(CTX, lease, META)
    assert not await says_yes(reader)


async def test_a_lease_within_a_removal(reader: RedisCache, remover: RedisCache) -> None:
    """While a removal is under way, nobody is given a lease; afterwards everybody is."""
    async with remover.removing(CTX, REPO, DIGEST):
        assert await reader.lease(CTX, REPO, DIGEST) is None
        assert await reader.lease(CTX, ELSEWHERE, DIGEST) is not None
    assert await reader.lease(CTX, REPO, DIGEST) is not None


async def test_a_lease_while_a_blob_goes(reader: RedisCache, remover: RedisCache) -> None:
    """While a blob is deleted, no repository is given a lease for it."""
    async with remover.forgetting(CTX, DIGEST):
        assert await reader.lease(CTX, REPO, DIGEST) is None
        assert await reader.lease(CTX, ELSEWHERE, DIGEST) is None
        assert await reader.lease(CTX, None, DIGEST) is None
    assert await reader.lease(CTX, REPO, DIGEST) is not None


async def test_a_fill_after_a_blob_went(reader: RedisCache, remover: RedisCache) -> None:
    """What the storage said before a blob was deleted makes no layer of it."""
    lease = await reader.lease(CTX, REPO, DIGEST)
    assert lease is not None
    async with remover.forgetting(CTX, DIGEST):
        pass
    assert not await reader.fill(CTX, lease, META)
    assert await reader.contains(CTX, REPO, DIGEST), "the membership was not in question"
    assert not await says_yes(reader)


@pytest.mark.parametrize("word", ["remove", "forget"])
async def test_a_fill_after_a_plain_word(word: str, reader: RedisCache, remover: RedisCache) -> None:
    """A removal without its bracket voids the leases that were given before it, too."""
    lease = await reader.lease(CTX, REPO, DIGEST)
    assert lease is not None
    await (remover.remove(CTX, REPO, DIGEST) if word == "remove" else remover.forget(CTX, DIGEST))
    assert not await reader.fill(CTX, lease, META)
    assert not await says_yes(reader)


async def test_a_plain_word_within_a_removal(reader: RedisCache, remover: RedisCache) -> None:
    """What a plain word stores while a removal is under way is cleared at its end."""
    async with remover.removing(CTX, REPO, DIGEST):
        await reader.put(CTX, REPO, DIGEST, META)
        assert await says_yes(reader)
    assert not await says_yes(reader)


async def test_a_removal_whose_marker_ended(
    reader: RedisCache, remover: RedisCache, redis_server: RedisServer
) -> None:
    """A removal that took longer than its marker lived voids the leases that were given meanwhile."""
    async with remover.removing(CTX, REPO, DIGEST):  # 1: announced
        redis_server.ask("DEL", MEMBER_LEASE)  # 2: the marker expires
        lease = await reader.lease(CTX, REPO, DIGEST)  # 3: a miss; the storage still says yes
        assert lease is not None
    assert not await reader.fill(CTX, lease, META)  # 4: deleted, ended; and then too late
    assert not await says_yes(reader)


async def test_a_removal_that_failed(reader: RedisCache, remover: RedisCache) -> None:
    """A removal whose body raised may have deleted, or may still: old leases are void, and none is given."""
    lease = await reader.lease(CTX, REPO, DIGEST)
    assert lease is not None
    with pytest.raises(OSError, match="disk"):
        async with remover.removing(CTX, REPO, DIGEST):
            raise OSError("disk")
    assert not await reader.fill(CTX, lease, META)
    assert await reader.lease(CTX, REPO, DIGEST) is None


# ---- two removals


async def test_the_first_removal_ends_first(
    reader: RedisCache, remover: RedisCache, make_cache: MakeCache, redis_server: RedisServer
) -> None:
    """Of two removals, the one that ends first leaves the other's marker where it lies."""
    second = make_cache(redis_server.url)
    async with remover.removing(CTX, REPO, DIGEST):
        marker = await second._begin_closing(CTX, REPO, DIGEST)
    assert await reader.lease(CTX, REPO, DIGEST) is None
    await second._end_closing(CTX, REPO, DIGEST, marker, has_returned=True)
    assert await reader.lease(CTX, REPO, DIGEST) is not None


async def test_the_second_removal_ends_first(
    reader: RedisCache, remover: RedisCache, make_cache: MakeCache, redis_server: RedisServer
) -> None:
    """A lease that is given between the ends of two removals is void after the second end."""
    second = make_cache(redis_server.url)
    async with remover.removing(CTX, REPO, DIGEST):
        async with second.removing(CTX, REPO, DIGEST):
            pass
        lease = await reader.lease(CTX, REPO, DIGEST)
        assert lease is not None
    assert not await reader.fill(CTX, lease, META)
    assert not await says_yes(reader)


# ---- commits


async def test_a_commit_before_a_removal(reader: RedisCache, remover: RedisCache) -> None:
    """A commit that was overtaken by a removal is not remembered."""
    async with (
        reader.adding(CTX, REPO, DIGEST, META),  # 1: leased; committed
        remover.removing(CTX, REPO, DIGEST),  # 2: deleted again
    ):
        pass
    assert not await says_yes(reader)  # 3: too late to remember


async def test_a_commit_within_a_removal(reader: RedisCache, remover: RedisCache) -> None:
    """A commit that began within a removal is not remembered: which was last is not known."""
    async with remover.removing(CTX, REPO, DIGEST):
        async with reader.adding(CTX, REPO, DIGEST, META):
            pass
        assert not await says_yes(reader)
    assert not await says_yes(reader)


async def test_a_commit_after_a_removal(reader: RedisCache, remover: RedisCache) -> None:
    """A commit after a removal is remembered, by every process."""
    async with remover.removing(CTX, REPO, DIGEST), remover.forgetting(CTX, DIGEST):
        pass
    async with reader.adding(CTX, REPO, DIGEST, META):
        pass
    assert await remover.stat(CTX, REPO, DIGEST) == META


# ---- leases that are shared, and lost


async def test_two_readers(reader: RedisCache, make_cache: MakeCache, redis_server: RedisServer) -> None:
    """Two readers share a lease: the first fills, the second is refused, and a removal voids it for both."""
    second = make_cache(redis_server.url)
    lease = await reader.lease(CTX, REPO, DIGEST)
    assert lease is not None
    assert await second.lease(CTX, REPO, DIGEST) == lease
    assert await reader.fill(CTX, lease, META)
    assert not await second.fill(CTX, lease, LATER)
    assert await second.stat(CTX, REPO, DIGEST) == META


@pytest.mark.parametrize(
    ("lost", "stored"),
    [((MEMBER_LEASE,), (0, 1)), ((META_LEASE,), (1, 0)), ((MEMBER_LEASE, META_LEASE), (0, 0))],
    ids=["of the membership", "of the meta", "of both"],
)
async def test_a_lease_that_is_lost(
    lost: tuple[str, ...], stored: tuple[int, int], reader: RedisCache, redis_server: RedisServer
) -> None:
    """A lease that expired or was evicted costs a miss, and each half depends on its own."""
    lease = await reader.lease(CTX, REPO, DIGEST)
    assert lease is not None
    redis_server.ask("DEL", *lost)
    assert not await reader.fill(CTX, lease, META)
    assert not await says_yes(reader)
    assert redis_server.ask("SISMEMBER", f"repository::{REPO}::blobs", DIGEST) == stored[0]
    assert redis_server.ask("EXISTS", f"blobs::{DIGEST}") == stored[1]


async def test_a_lease_from_before_a_flush(
    reader: RedisCache, make_cache: MakeCache, redis_server: RedisServer
) -> None:
    """A lease is not taken for one that another process was given after all was flushed."""
    lease = await reader.lease(CTX, REPO, DIGEST)
    assert lease is not None
    redis_server.ask("FLUSHALL")
    other = await make_cache(redis_server.url).lease(CTX, REPO, DIGEST)
    assert other is not None
    assert other != lease
    assert not await reader.fill(CTX, lease, META)
    assert await reader.fill(CTX, other, META)


async def test_a_remover_that_died(
    reader: RedisCache, remover: RedisCache, redis_server: RedisServer
) -> None:
    """A removal that was never ended keeps leases from being given until its marker expires."""
    await reader.put(CTX, REPO, DIGEST, META)
    await remover._begin_closing(CTX, REPO, DIGEST)
    assert not await says_yes(reader)
    assert await reader.lease(CTX, REPO, DIGEST) is None
    redis_server.ask("PEXPIRE", MEMBER_LEASE, 0)
    assert await reader.lease(CTX, REPO, DIGEST) is not None
