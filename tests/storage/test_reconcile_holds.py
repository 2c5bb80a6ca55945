"""A walk beside a deletion that was interrupted and may still be carried out."""

from contextlib import suppress

from layercache.context import background
from layercache.meta import LayerMeta
from layercache.storage.layout import layer_link_path
from tests.storage.worlds import World

CTX = background()


class StorageError(Exception):
    """What interrupts a deletion here."""


async def test_a_fix_keeps_the_hold(world: World) -> None:
    """What a walk clears stays held, and what is there after all is not brought back under a hold."""
    dgst = world.tree.layer("x", b"layer")
    with suppress(StorageError):
        async with world.cache.removing(CTX, "x", dgst):
            raise StorageError
    with suppress(StorageError):
        async with world.cache.forgetting(CTX, dgst):
            raise StorageError
    await world.cache.put(CTX, "x", dgst, LayerMeta("/elsewhere", 1))
    world.tree.delete(layer_link_path("x", dgst))
    _, report = await world.walk(fix=True)
    assert report.fixed == 2
    assert await world.knows("x", dgst) == (False, False)
    assert await world.cache.lease(CTX, "x", dgst) is None
    assert await world.cache.lease(CTX, None, dgst) is None


async def test_a_fix_ends_what_it_began(world: World) -> None:
    """A walk's own brackets return, and leave no hold."""
    dgst = await world.stale("x", b"layer")
    _, report = await world.walk(fix=True)
    assert report.fixed == 2
    assert await world.cache.lease(CTX, "x", dgst) is not None
