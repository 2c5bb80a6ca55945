"""A tree on disk and a tree in a bucket; both keep the same promises."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from layercache.backends.redis.cache import RedisCache
from layercache.storage import StorageSource
from tests.servers import RedisServer
from tests.storage.servers import S3, running_s3
from tests.storage.trees import Tree
from tests.storage.worlds import World


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """A server that speaks S3."""
    with running_s3() as server:
        yield server


@pytest.fixture(params=["directory", "bucket"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Tree:
    """A root with nothing in it yet."""
    if request.param == "directory":
        return Tree(tmp_path.as_uri())
    s3: S3 = request.getfixturevalue("s3")
    return Tree(f"s3://{s3.new_bucket()}/a/prefix", **s3.options)


@pytest.fixture
def tree(root: Tree) -> Tree:
    """A tree in which something lies, but nothing that a test asks for."""
    root.layer("somebody/else", b"something")
    return root


@pytest.fixture
def source(tree: Tree) -> StorageSource:
    """The source over `tree`."""
    return tree.source()


@pytest.fixture
async def redis_cache(redis_server: RedisServer) -> AsyncIterator[RedisCache]:
    """A cache on a server that is empty."""
    async with RedisCache(redis_server.url) as cache:
        yield cache


@pytest.fixture
def world(redis_cache: RedisCache, tmp_path: Path) -> World:
    """A tree on disk and a cache in a Redis, with nothing in them yet."""
    return World(Tree(tmp_path.as_uri()), redis_cache)
