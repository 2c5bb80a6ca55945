"""One Redis for us and for a Go registry of any version, of which its commands are played."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from registry.tree import Tree as WritableTree
from registry_fastapi import create_app

from layercache import LayerMeta, NotFoundError, ReadThroughCache, RedisCache, background
from layercache.meta import blob_path
from layercache.reconcile import Difference, Kind
from layercache.storage.layout import data_path, layer_link_path, revision_link_path
from tests.servers import RedisServer
from tests.sharing.go_commands import OCTETS, VERSIONS, WITH_MANIFESTS, deleted, known, play
from tests.storage.trees import Tree, digest_of
from tests.storage.worlds import World
from tests.web.clients import serving

CTX = background()
MANIFEST = b'{"schemaVersion": 2}'


@pytest.fixture
async def world(redis_server: RedisServer, tmp_path: Path) -> AsyncIterator[World]:
    """A tree on disk, with somebody else's layer in it, and a cache in a Redis."""
    tree = Tree(tmp_path.as_uri())
    tree.layer("somebody/else", b"something")
    async with RedisCache(redis_server.url) as cache:
        yield World(tree, cache)


async def stale(world: World, *, fix: bool = False) -> list[Difference]:
    """What a walk calls stale or corrupt."""
    told, _ = await world.walk(fix=fix)
    return [difference for difference in told if difference.kind is not Kind.MISSING]


@pytest.mark.parametrize("version", VERSIONS)
async def test_layer(world: World, redis_server: RedisServer, version: str) -> None:
    """What any version remembers of a layer answers our stat, and does not once it was deleted."""
    dgst = world.tree.layer("x", b"layer")
    await play(redis_server.url, known("x", dgst, 5))
    assert await world.cache.stat(CTX, "x", dgst) == LayerMeta(data_path(dgst), 5, OCTETS)
    assert await stale(world) == []
    await play(redis_server.url, deleted(version, "x", dgst))
    world.tree.delete(layer_link_path("x", dgst))
    with pytest.raises(NotFoundError):
        await world.cache.stat(CTX, "x", dgst)
    assert await world.cache.contains(CTX, "x", dgst) == (version < "3.1")


@pytest.mark.parametrize("version", VERSIONS)
async def test_layer_that_another_repository_has(
    world: World, redis_server: RedisServer, version: str
) -> None:
    """Up to 3.0 a deleted layer is known again once another repository asks; a walk finds and mends it."""
    dgst = world.tree.layer("x", b"layer")
    world.tree.layer("y", b"layer")
    await play(redis_server.url, known("x", dgst, 5) + deleted(version, "x", dgst))
    world.tree.delete(layer_link_path("x", dgst))
    await play(redis_server.url, known("y", dgst, 5))
    lie = [] if version >= "3.1" else [Difference(Kind.STALE, "x", dgst, fixed=True)]
    assert await stale(world, fix=True) == lie
    assert await world.knows("x", dgst) == (False, True)
    assert await world.knows("y", dgst) == (True, True)


@pytest.mark.parametrize("version", WITH_MANIFESTS)
async def test_manifest(world: World, redis_server: RedisServer, version: str) -> None:
    """A manifest that 3.x remembers is no lie while its repository has it, and is one afterwards."""
    dgst = world.tree.manifest("x", "1.0", MANIFEST)
    await play(redis_server.url, known("x", dgst, len(MANIFEST)))
    assert await stale(world, fix=True) == []
    assert await world.knows("x", dgst) == (True, True)
    world.tree.delete(revision_link_path("x", dgst))
    assert await stale(world, fix=True) == [Difference(Kind.STALE, "x", dgst, fixed=True)]
    assert await world.knows("x", dgst) == (False, True)
    await play(redis_server.url, deleted(version, "x", dgst))
    assert await stale(world) == []


async def test_manifest_that_was_swept(world: World, redis_server: RedisServer) -> None:
    """A manifest whose link has lost its blob is a lie, for its repository and by itself."""
    dgst = world.tree.manifest("x", "1.0", MANIFEST)
    await play(redis_server.url, known("x", dgst, len(MANIFEST)))
    world.tree.delete(data_path(dgst))
    lies = [Difference(Kind.STALE, repo, dgst, fixed=True) for repo in ("x", None)]
    assert await stale(world, fix=True) == lies


async def test_manifest_is_not_missing(world: World) -> None:
    """That a manifest is not remembered as a member is no difference: only 3.x would."""
    dgst = world.tree.manifest("x", "1.0", MANIFEST)
    await world.cache.set_meta(CTX, dgst, LayerMeta(blob_path(dgst), len(MANIFEST)))
    told, _ = await world.walk()
    assert dgst not in {difference.dgst for difference in told}


async def test_manifest_is_no_layer(world: World, redis_server: RedisServer) -> None:
    """A manifest does not answer whether an upload may be skipped: it may be deleted at any time."""
    dgst = world.tree.manifest("x", "1.0", MANIFEST)
    await play(redis_server.url, known("x", dgst, len(MANIFEST)))
    async with ReadThroughCache(world.cache, world.source) as cache:
        assert await cache.contains(CTX, "x", dgst)  # As Go's own cache says.
        with pytest.raises(NotFoundError):
            await cache.confirm(CTX, "x", dgst)
        assert not await cache.contains(CTX, "x", dgst)


async def test_manifest_serves_its_bytes(world: World, redis_server: RedisServer) -> None:
    """A manifest is served as one, whatever was remembered of it, or asked of it as of a layer."""
    dgst = world.tree.manifest("x", "1.0", MANIFEST)
    await play(redis_server.url, known("x", dgst, len(MANIFEST)))
    app = create_app(world.source, WritableTree(world.tree.url), RedisCache(redis_server.url))
    async with serving(app) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        await client.head(f"/v2/x/blobs/{dgst}")
        assert (await client.get(f"/v2/x/manifests/{dgst}")).content == MANIFEST


@pytest.mark.parametrize("version", VERSIONS)
async def test_layer_by_another_algorithm(world: World, redis_server: RedisServer, version: str) -> None:
    """What a Go registry keeps under its canonical digest is no lie while that blob is there, and then is."""
    dgst, alias = world.tree.layer("x", b"layer"), digest_of(b"layer", "sha512")
    world.tree.write(layer_link_path("x", alias), dgst.encode())
    await play(redis_server.url, known("x", alias, 5, dgst))
    assert await world.cache.stat(CTX, "x", alias) == LayerMeta(data_path(dgst), 5, OCTETS)
    assert await stale(world, fix=True) == []
    world.tree.delete(data_path(dgst))
    lies = {(found.repo, found.dgst) for found in await stale(world, fix=True)}
    assert lies == {("x", dgst), ("x", alias), (None, dgst), (None, alias)}
    await play(redis_server.url, deleted(version, "x", alias))
    assert await stale(world) == []


async def test_layer_by_another_algorithm_of_another_length(world: World, redis_server: RedisServer) -> None:
    """An alias whose length is not that of the blob it names is a lie."""
    dgst, alias = world.tree.layer("x", b"layer"), digest_of(b"layer", "sha512")
    world.tree.write(layer_link_path("x", alias), dgst.encode())
    await play(redis_server.url, known("x", alias, 4, dgst) + known("x", dgst, 5))
    assert await stale(world) == [Difference(Kind.STALE, None, alias)]
