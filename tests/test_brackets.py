"""The brackets, over a store that takes its time and may fail."""

import asyncio

import pytest

from layercache import BackendUnavailableError, DeadlineExceededError, background
from layercache.context import Context
from layercache.context.timers import GRAIN
from layercache.removal import CLOSING_SECONDS
from layercache.testing import FaultyCache, new_digest, new_meta, new_repository
from tests.context.manual import ManualLoop, by_hand, turns
from tests.reference import ReferenceCache

CTX = background()
REPO, DGST = new_repository(), new_digest()
META = new_meta(DGST)


class SlowStore(ReferenceCache):
    """Its second step waits under its context until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = asyncio.Event()
        self.is_ending = asyncio.Event()

    async def end_removal(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        self.is_ending.set()
        await ctx.run(self.let.wait())
        await super().end_removal(ctx, repo, dgst, marker, has_returned=has_returned)


async def test_the_end_is_not_cut_short_by_a_cancelled_task() -> None:
    """A task that is cancelled while it clears for the second time clears all the same."""
    store = SlowStore()

    async def remove() -> None:
        async with store.removing(CTX, REPO, DGST):
            await store.put(CTX, REPO, DGST, META)

    task = asyncio.ensure_future(remove())
    await store.is_ending.wait()
    task.cancel()
    await turns()
    store.let.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not store.members
    assert not store.tokens


async def test_the_end_has_a_time_of_its_own() -> None:
    """A context that ended in the body does not end the second clearing."""
    store = SlowStore()
    store.let.set()
    with background().with_cancel() as ctx:
        async with store.removing(ctx, REPO, DGST):
            await store.put(CTX, REPO, DGST, META)
            ctx.cancel()
    assert not store.members


@by_hand
async def test_the_end_takes_no_longer_than_its_limit(loop: ManualLoop) -> None:
    """A second clearing that hangs is given up after `CLOSING_SECONDS`, by an error of leaving."""
    store = SlowStore()

    async def remove() -> None:
        async with store.removing(CTX, REPO, DGST):
            pass

    task = asyncio.ensure_future(remove())
    await store.is_ending.wait()
    await loop.advance(CLOSING_SECONDS - GRAIN)
    assert not task.done()
    await loop.advance(2 * GRAIN)
    await turns()
    assert isinstance(task.exception(), DeadlineExceededError)


async def test_an_end_that_fails_is_told() -> None:
    """If the second clearing fails, leaving raises: the deletion must not be acknowledged."""
    store = FaultyCache(ReferenceCache())
    with pytest.raises(BackendUnavailableError):
        async with store.removing(CTX, REPO, DGST):
            store.fail(BackendUnavailableError("down"))


async def test_an_end_that_fails_does_not_hide_the_bodys_error() -> None:
    """The body's error is passed on, with a note of the clearing that failed after it."""
    store = FaultyCache(ReferenceCache())

    async def fail_in_the_body() -> None:
        async with store.forgetting(CTX, DGST):
            store.fail(BackendUnavailableError("down"))
            raise KeyError

    with pytest.raises(KeyError) as raised:
        await fail_in_the_body()
    [note] = raised.value.__notes__
    assert "could not be cleared after it, nor a hold placed" in note
    assert note.endswith(": down")


async def test_a_removal_that_cannot_be_announced_does_not_begin() -> None:
    """If the closing marker cannot be placed the body does not run."""
    store = FaultyCache(ReferenceCache())
    store.fail(BackendUnavailableError("down"))
    with pytest.raises(BackendUnavailableError):
        async with store.removing(CTX, REPO, DGST):
            pytest.fail("the body ran")


@pytest.mark.parametrize("operation", ["lease", "fill"])
async def test_a_commit_stands_without_the_cache(operation: str) -> None:
    """`adding` runs its body, and raises nothing, though the cache fails before or after it."""
    store = FaultyCache(ReferenceCache())
    store.fail(BackendUnavailableError("down"), operation)
    committed = []
    async with store.adding(CTX, REPO, DGST, META):
        committed.append(1)
    assert committed == [1]
    store.mend()
    assert await store.contains(CTX, REPO, DGST) is False


async def test_a_commit_stands_though_its_context_ended() -> None:
    """A context that ends in the body of `adding` costs the memory of the commit, not the commit."""
    store = ReferenceCache()
    with background().with_cancel() as ctx:
        async with store.adding(ctx, REPO, DGST, META):
            ctx.cancel()
    assert not store.members
