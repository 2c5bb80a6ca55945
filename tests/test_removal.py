"""The brackets, over a backend that may wait and may fail."""

import asyncio

import pytest

from layercache import BackendUnavailableError, Context, DeadlineExceededError, LayerInfoCache, background
from layercache.context.timers import GRAIN
from layercache.removal import END_SECONDS
from layercache.testing import FaultyCache, new_digest, new_meta, new_repository
from tests.context.manual import ManualLoop, by_hand, turns
from tests.reference import ReferenceBackend, ReferenceCache

CTX = background()
REPO, DGST = new_repository(), new_digest()
META = new_meta(DGST)


class SlowBackend(ReferenceBackend):
    """The end of a removal waits, under its context, until `may_end` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.is_ending = asyncio.Event()
        self.may_end = asyncio.Event()

    async def end_removal(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        self.is_ending.set()
        await ctx.run(self.may_end.wait())
        await super().end_removal(ctx, repo, dgst, marker, has_returned=has_returned)


async def test_the_end_is_not_cut_short_by_a_cancelled_task() -> None:
    """A task that is cancelled while a removal ends still clears, and drops the marker."""
    backend = SlowBackend()
    cache = LayerInfoCache(backend)

    async def remove() -> None:
        async with cache.removing(CTX, REPO, DGST):
            await cache.put(CTX, REPO, DGST, META)

    task = asyncio.ensure_future(remove())
    await backend.is_ending.wait()
    task.cancel()
    await turns()
    backend.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not backend.members
    assert not backend.tokens


async def test_the_end_has_a_time_of_its_own() -> None:
    """A context that ended in the body does not interrupt the end of the removal."""
    backend = SlowBackend()
    cache = LayerInfoCache(backend)
    backend.may_end.set()
    with background().with_cancel() as ctx:
        async with cache.removing(ctx, REPO, DGST):
            await cache.put(CTX, REPO, DGST, META)
            ctx.cancel()
    assert not backend.members


@by_hand
async def test_the_end_takes_no_longer_than_its_limit(loop: ManualLoop) -> None:
    """If the end of a removal hangs, the bracket raises `DeadlineExceededError` after `END_SECONDS`."""
    backend = SlowBackend()
    cache = LayerInfoCache(backend)

    async def remove() -> None:
        async with cache.removing(CTX, REPO, DGST):
            pass

    task = asyncio.ensure_future(remove())
    await backend.is_ending.wait()
    await loop.advance(END_SECONDS - GRAIN)
    assert not task.done()
    await loop.advance(2 * GRAIN)
    await turns()
    assert isinstance(task.exception(), DeadlineExceededError)


async def test_an_end_that_fails_is_raised() -> None:
    """If the end of a removal fails, the bracket raises: the deletion must not be acknowledged."""
    cache = FaultyCache(ReferenceCache())
    with pytest.raises(BackendUnavailableError):
        async with cache.removing(CTX, REPO, DGST):
            cache.fail(BackendUnavailableError("down"))


async def test_an_end_that_fails_does_not_hide_the_bodys_error() -> None:
    """The body's error is passed on, with a note about the end that failed after it."""
    cache = FaultyCache(ReferenceCache())

    async def fail_in_the_body() -> None:
        async with cache.forgetting(CTX, DGST):
            cache.fail(BackendUnavailableError("down"))
            raise KeyError

    with pytest.raises(KeyError) as raised:
        await fail_in_the_body()
    [note] = raised.value.__notes__
    assert "could not be cleared after it, nor a hold placed" in note
    assert note.endswith(": down")


async def test_a_removal_that_cannot_be_announced_does_not_begin() -> None:
    """If the removal marker cannot be placed, the body does not run."""
    cache = FaultyCache(ReferenceCache())
    cache.fail(BackendUnavailableError("down"))
    with pytest.raises(BackendUnavailableError):
        async with cache.removing(CTX, REPO, DGST):
            pytest.fail("the body ran")


@pytest.mark.parametrize("operation", ["lease", "fill"])
async def test_a_commit_stands_without_the_cache(operation: str) -> None:
    """`adding` runs its body, and raises nothing, if the cache fails before or after it."""
    cache = FaultyCache(ReferenceCache())
    cache.fail(BackendUnavailableError("down"), operation)
    committed = []
    async with cache.adding(CTX, REPO, DGST, META):
        committed.append(1)
    assert committed == [1]
    cache.mend()
    assert await cache.contains(CTX, REPO, DGST) is False


async def test_a_commit_stands_though_its_context_ended() -> None:
    """If the context ends in the body of `adding`, the commit stands and is not remembered."""
    backend = ReferenceBackend()
    cache = LayerInfoCache(backend)
    with background().with_cancel() as ctx:
        async with cache.adding(ctx, REPO, DGST, META):
            ctx.cancel()
    assert not backend.members
