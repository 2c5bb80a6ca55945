"""What makes no sense is told, and mended where that loses nothing."""

import pytest

from layercache.context import Context, background
from layercache.errors import NotFoundError
from layercache.meta import LayerMeta
from layercache.scan import PARTS
from layercache.storage import Difference, Kind
from layercache.storage.layout import layer_link_path
from tests.servers import RedisServer
from tests.storage.trees import ABSENT
from tests.storage.worlds import World, meta_of

CTX = background()
END = PARTS[-1]
CONTENT = b"layer"


async def test_corrupt_meta(world: World, redis_server: RedisServer) -> None:
    """A meta that makes no sense is corrupt, and then says what the source does."""
    dgst = await world.layer("x", CONTENT)
    redis_server.ask("DEL", f"blobs::{dgst}")
    redis_server.ask("SET", f"blobs::{dgst}", "x")
    corrupt = Difference(Kind.CORRUPT, None, dgst, f"blobs::{dgst}")
    assert (await world.walk())[0] == [corrupt]
    assert (await world.walk(fix=True))[0] == [corrupt._replace(fixed=True)]
    assert await world.cache.stat(CTX, "x", dgst) == meta_of(dgst, CONTENT)


async def test_corrupt_meta_of_nothing(world: World, redis_server: RedisServer) -> None:
    """If the source does not have it, it is forgotten."""
    await world.layer("x", CONTENT)
    redis_server.ask("HSET", f"blobs::{ABSENT}", "path", "/x")
    corrupt = Difference(Kind.CORRUPT, None, ABSENT, f"blobs::{ABSENT}", "length", fixed=True)
    assert (await world.walk(fix=True))[0] == [corrupt]
    with pytest.raises(NotFoundError):
        await world.cache.meta(CTX, ABSENT)


async def test_corrupt_members(world: World, redis_server: RedisServer) -> None:
    """What lies in the place of a repository's members is dropped, and they are missing."""
    dgst = await world.layer("x", CONTENT)
    key = "repository::x::blobs"
    redis_server.ask("DEL", key)
    redis_server.ask("SET", key, "x")
    told, report = await world.walk(fix=True)
    assert Difference(Kind.CORRUPT, "x", None, key, fixed=True) in told
    assert (report.corrupt, report.stale, report.fixed) == (1, 0, 1)
    assert await world.knows("x", dgst) == (False, True)
    told, report = await world.walk()
    assert Difference(Kind.MISSING, "x", dgst) in told
    assert report.corrupt == 0


async def test_corrupt_media_type(world: World, redis_server: RedisServer) -> None:
    """What lies in the place of a scoped media type is dropped, and the membership stays."""
    dgst = await world.layer("x", CONTENT)
    key = f"repository::x::blobs::{dgst}"
    redis_server.ask("SET", key, "x")
    corrupt = Difference(Kind.CORRUPT, "x", dgst, key)
    assert (await world.walk())[0] == [corrupt]
    assert (await world.walk(fix=True))[0] == [corrupt._replace(fixed=True)]
    assert (await world.walk())[0] == []
    assert await world.knows("x", dgst) == (True, True)


async def test_member_that_cannot_be_asked_for(world: World, redis_server: RedisServer) -> None:
    """A member that nobody can ask for is told, and left."""
    await world.layer("x", CONTENT)
    redis_server.ask("SADD", "repository::x::blobs", "a b")
    corrupt = Difference(Kind.CORRUPT, "x", None, "repository::x::blobs", "b'a b'")
    assert (await world.walk(fix=True))[0] == [corrupt]


async def test_corrupt_link(world: World) -> None:
    """A link in the storage that is truncated is told by its path; the cache is left as it is."""
    dgst = await world.layer("x", CONTENT)
    path = layer_link_path("x", dgst)
    world.tree.write(path, b"sha256:")
    assert (await world.walk(fix=True))[0] == [Difference(Kind.CORRUPT, "x", dgst, path)]
    assert await world.knows("x", dgst) == (True, True)


@pytest.mark.parametrize("length", [-1, 1.5, None])
async def test_nonsense_of_the_source(world: World, monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    """A meta of the source that makes no sense is told in its name; the cache is left as it is."""
    dgst = await world.layer("x", CONTENT)
    await world.cache.set_meta(CTX, dgst, meta_of(dgst, b"another"))

    async def meta(ctx: Context, dgst: str) -> LayerMeta:
        return LayerMeta("/x", length)

    monkeypatch.setattr(world.source, "meta", meta)
    [told], _ = await world.walk(fix=True)
    assert (told.kind, told.dgst, told.fixed) == (Kind.CORRUPT, dgst, False)
    assert repr(world.source) in told.key
    assert await world.cache.meta(CTX, dgst) == meta_of(dgst, b"another")


async def test_leftover(world: World, redis_server: RedisServer) -> None:
    """A media type whose membership is gone is left over, and then cleared."""
    dgst = await world.layer("x", CONTENT)
    key = f"repository::x::blobs::{ABSENT}"
    redis_server.ask("HSET", key, "mediatype", "")
    leftover = Difference(Kind.LEFTOVER, "x", ABSENT)
    assert (await world.walk())[0] == [leftover]
    assert (await world.walk(fix=True))[0] == [leftover._replace(fixed=True)]
    assert redis_server.ask("EXISTS", key) == 0
    assert await world.knows("x", dgst) == (True, True)


async def test_others_keys_are_left(world: World, redis_server: RedisServer) -> None:
    """What others keep in the same Redis is neither told nor touched."""
    await world.layer("x", CONTENT)
    for command in (
        ("SET", "blobs::counter", "1"),
        ("HSET", "blobs::settings", "a", "1"),
        ("SADD", "blobs", "a"),
    ):
        redis_server.ask(*command)
    assert (await world.walk(fix=True))[0] == []
    assert redis_server.ask("EXISTS", "blobs::counter", "blobs::settings", "blobs") == 3
