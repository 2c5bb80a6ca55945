"""A walk among those who go on pushing and deleting: nothing true is forgotten, no lie is left."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import suppress
from random import Random

import pytest

from layercache.backends.redis.cache import RedisCache
from layercache.context import background
from layercache.errors import BackendUnavailableError
from layercache.reconcile import Kind
from layercache.storage.layout import data_path, layer_link_path
from tests.servers import RedisServer
from tests.storage.trees import Tree, digest_of
from tests.storage.worlds import Hooked, World, failing, meta_of

CTX = background()
CONTENT = b"layer"
DIGEST = digest_of(CONTENT)


@pytest.fixture
async def other(redis_server: RedisServer) -> AsyncIterator[RedisCache]:
    """The cache of those who push and delete, in another process as it were."""
    async with RedisCache(redis_server.url) as cache:
        yield cache


class Registry:
    """What a handler does: storage and cache, in brackets."""

    def __init__(self, tree: Tree, cache: RedisCache) -> None:
        self.tree = tree
        self.cache = cache

    async def push(self, repo: str = "x", content: bytes = CONTENT) -> None:
        """Have *repo* have a layer."""
        dgst = digest_of(content)
        async with self.cache.adding(CTX, repo, dgst, meta_of(dgst, content)):
            await asyncio.to_thread(self.tree.layer, repo, content)

    async def unlink(self, repo: str = "x", content: bytes = CONTENT) -> None:
        """Have *repo* no longer have it."""
        dgst = digest_of(content)
        async with self.cache.removing(CTX, repo, dgst):
            await asyncio.to_thread(self._delete, layer_link_path(repo, dgst))

    async def sweep(self, content: bytes = CONTENT) -> None:
        """Have no blob of that content."""
        dgst = digest_of(content)
        async with self.cache.forgetting(CTX, dgst):
            await asyncio.to_thread(self._delete, data_path(dgst))

    def _delete(self, path: str) -> None:
        with suppress(FileNotFoundError):
            self.tree.delete(path)


@pytest.fixture
def registry(world: World, other: RedisCache) -> Registry:
    """A registry over the tree and the cache of `world`."""
    return Registry(world.tree, other)


# ---- between the two readings


async def test_pushed_after_the_listing(world: World, registry: Registry) -> None:
    """What was pushed after the links were listed, and before the cache was scanned, is no difference."""
    await world.layer("y", b"another")

    class Earlier(Hooked):
        """Lists what was there before the push."""

        async def links(self, ctx: object) -> AsyncIterator[list[tuple[str, str]]]:
            yield [("y", digest_of(b"another"))]

    await registry.push()
    source = Earlier(world.source, {})
    assert (await world.walk(fix=True, source=source))[0] == []
    assert await world.knows("x", DIGEST) == (True, True)
    assert source.moments.count("after contains 1") == 1


async def test_deleted_after_the_scan(world: World, registry: Registry) -> None:
    """What was deleted after the cache was scanned is no difference, for it is forgotten already."""
    await world.layer("x", CONTENT)

    async def delete() -> None:
        await registry.unlink()
        await registry.sweep()

    source = Hooked(world.source, {"before blobs 1": delete})
    told, _ = await world.walk(source=source)
    assert [difference for difference in told if difference.kind is Kind.STALE] == []


async def test_pushed_again_between_the_questions(world: World, registry: Registry) -> None:
    """What is pushed after the source has said no, and before the cache says yes, is no difference."""
    await world.layer("y", b"another")
    await world.layer("x", CONTENT)
    world.tree.delete(layer_link_path("x", DIGEST))
    source = Hooked(world.source, {"after contains 1": registry.push})
    told, _ = await world.walk(source=source)
    assert [difference for difference in told if difference.kind is Kind.STALE] == []
    assert await world.knows("x", DIGEST) == (True, True)


async def test_blob_pushed_again_between_the_questions(world: World, registry: Registry) -> None:
    """Nor is where a blob lies, if that is pushed then."""
    await world.layer("y", b"another")
    await world.cache.set_meta(CTX, DIGEST, meta_of(DIGEST, CONTENT))
    told, _ = await world.walk(source=Hooked(world.source, {"after meta 1": registry.push}))
    assert [difference for difference in told if difference.kind is Kind.STALE] == []
    assert await world.knows("x", DIGEST) == (True, True)


async def test_mended_before_it_was_told(world: World, redis_server: RedisServer) -> None:
    """What made no sense, and by now does, is no difference."""
    dgst = await world.layer("x", CONTENT)
    redis_server.ask("HSET", f"blobs::{dgst}", "size", "-1")

    async def mend() -> None:
        await world.cache.set_meta(CTX, dgst, meta_of(dgst, CONTENT))

    assert (await world.walk(source=Hooked(world.source, {"before blobs 1": mend})))[0] == []


# ---- between the finding and the fix


@pytest.mark.parametrize(
    ("moment", "is_remembered"),
    [
        ("before contains 1", True),
        ("after contains 2", True),  # It was found stale, and is pushed before the bracket.
        ("before contains 3", True),  # It is pushed inside the bracket.
        ("after contains 3", False),  # So late that the bracket has had its answer: a miss.
    ],
)
async def test_membership_pushed_again(
    world: World, registry: Registry, moment: str, is_remembered: bool
) -> None:
    """A stale membership that is pushed again before it is forgotten is known afterwards."""
    await world.layer("x", CONTENT)
    world.tree.delete(layer_link_path("x", DIGEST))
    source = Hooked(world.source, {moment: registry.push})
    await world.walk(fix=True, source=source)
    assert moment in source.moments
    assert await world.knows("x", DIGEST) == (is_remembered, True)


@pytest.mark.parametrize(
    ("moment", "is_remembered"),
    [("before meta 1", True), ("after meta 2", True), ("before meta 3", True), ("after meta 3", False)],
)
async def test_blob_pushed_again(world: World, registry: Registry, moment: str, is_remembered: bool) -> None:
    """A stale meta whose blob is pushed again before it is forgotten is known afterwards."""
    await world.layer("y", b"another")
    await world.cache.set_meta(CTX, DIGEST, meta_of(DIGEST, CONTENT)._replace(media_type="a/b"))

    async def push() -> None:
        world.tree.blob(CONTENT)

    source = Hooked(world.source, {moment: push})
    await world.walk(fix=True, source=source)
    assert moment in source.moments
    assert await world.knows("x", DIGEST) == (False, is_remembered)
    if is_remembered:
        assert (await world.cache.meta(CTX, DIGEST)).media_type == "a/b"


async def test_gone_again(world: World, registry: Registry) -> None:
    """What is deleted while it is being remembered again is not remembered."""
    await world.layer("y", b"another")
    await world.cache.set_meta(CTX, DIGEST, meta_of(DIGEST, CONTENT))

    async def push() -> None:
        world.tree.blob(CONTENT)

    source = Hooked(world.source, {"after meta 2": push, "after meta 5": registry.sweep})
    await world.walk(fix=True, source=source)
    assert "after meta 5" in source.moments
    assert await world.knows("x", DIGEST) == (False, False)


async def test_source_fails_in_the_bracket(world: World) -> None:
    """A source that fails at the moment of the fix costs that entry alone, and ends the walk."""
    layers = [await world.stale("x", b"%d" % number) for number in range(3)]
    error = BackendUnavailableError("gone")
    source = Hooked(world.source, {"before contains 7": failing(error)})
    with pytest.raises(BackendUnavailableError) as caught:
        await world.walk(fix=True, source=source)
    assert caught.value is error
    assert sum(await world.cache.contains_many(CTX, "x", layers)) >= 1


# ---- all at once


async def test_adversary(world: World, registry: Registry) -> None:
    """While others push and delete, what is true stays known, and what is not is never known in the end."""
    kept = [await world.layer("x", b"kept %d" % number) for number in range(200)]
    stale = [await world.stale("x", b"stale %d" % number) for number in range(200)]
    contested = [b"contested %d" % number for number in range(24)]
    is_over = asyncio.Event()

    async def adversary(contents: list[bytes], random: Random) -> int:
        for operations in itertools.count():
            if is_over.is_set():
                return operations
            content, repo = random.choice(contents), random.choice(["x", "y"])
            step = random.choice([registry.push, registry.push, registry.unlink])
            await step(repo, content)
            if not random.randrange(5):
                await registry.sweep(content)
        raise AssertionError

    parts = [contested[start : start + 6] for start in range(0, 24, 6)]
    adversaries = [asyncio.create_task(adversary(part, Random(str(part)))) for part in parts]
    for _ in range(3):
        await world.walk(fix=True)
    is_over.set()
    operations = await asyncio.gather(*adversaries)

    assert sum(operations) > 100
    assert await world.cache.contains_many(CTX, "x", kept) == [True] * len(kept)
    assert await world.cache.contains_many(CTX, "x", stale) == [False] * len(stale)
    for content, repo in itertools.product(contested, ["x", "y"]):
        knows_member, knows_meta = await world.knows(repo, digest_of(content))
        assert not knows_member or world.tree.has(layer_link_path(repo, digest_of(content)))
        assert not knows_meta or world.tree.has(data_path(digest_of(content)))
    # What a sweep leaves is a membership whose blob is gone; that is for a walk after it to find.
    await world.walk(fix=True)
    told, _ = await world.walk()
    assert [difference for difference in told if difference.kind is not Kind.MISSING] == []
