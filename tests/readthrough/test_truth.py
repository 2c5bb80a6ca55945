"""What keeps stale entries from the cache, and what removes them."""

import asyncio

import pytest

from layercache import (
    BackendUnavailableError,
    CanceledError,
    Context,
    CorruptEntryError,
    InvalidArgumentError,
    LayerMeta,
    NotFoundError,
    ReadThroughCache,
    background,
)
from layercache.testing import SlowSource
from tests.context.manual import turns
from tests.readthrough.setup import CTX, DGST, META, OTHER, REPO, Setup


async def test_a_fill_does_not_undo_a_removal(setup: Setup) -> None:
    """What the source answered before a removal is not filled in after it."""
    setup.source.hold()
    reader = asyncio.ensure_future(setup.cache.stat(CTX, REPO, DGST))
    await setup.source.asked()
    async with setup.cache.removing(CTX, REPO, DGST):
        setup.source.unlink(REPO, DGST)
    setup.source.put(REPO, DGST, META)  # Whatever is true now, the question was asked before.
    setup.source.release()
    await reader
    assert (REPO, DGST) not in setup.reference.members
    assert "far fill refused" in setup.recorder.lines


async def test_the_lease_is_taken_before_the_source_is_asked(setup: Setup) -> None:
    """A flight takes its lease before it asks the source, so a removal that ended before voids no fill."""
    setup.source.hold()
    reader = asyncio.ensure_future(setup.cache.stat(CTX, REPO, DGST))
    await setup.source.asked()
    assert setup.reference.tokens, "asked without a lease"
    setup.source.release()
    await reader
    assert setup.is_known()


async def test_nothing_is_filled_while_a_removal_is_under_way(setup: Setup) -> None:
    """A reader within a removal is answered by the source, and fills nothing."""
    async with setup.cache.removing(CTX, REPO, DGST):
        assert await setup.cache.stat(CTX, REPO, DGST) == META
        assert not setup.is_known()
        setup.source.unlink(REPO, DGST)
    assert await setup.cache.contains(CTX, REPO, DGST) is False


async def test_confirm_asks_the_source_even_on_a_hit(setup: Setup) -> None:
    """`confirm` does not trust a yes of the cache, and removes it if the source says no."""
    await setup.cache.stat(CTX, REPO, DGST)
    setup.source.unlink(REPO, DGST)
    assert await setup.cache.contains(CTX, REPO, DGST) is True
    with pytest.raises(NotFoundError):
        await setup.cache.confirm(CTX, REPO, DGST)
    assert await setup.cache.contains(CTX, REPO, DGST) is False


async def test_a_no_of_confirm_is_a_no_for_every_repository(setup: Setup) -> None:
    """When `confirm` finds a blob gone, the cache no longer answers yes for any repository."""
    setup.source.put(OTHER, DGST, META)
    await setup.cache.stat(CTX, OTHER, DGST)
    setup.source.delete(DGST)
    with pytest.raises(NotFoundError):
        await setup.cache.confirm(CTX, REPO, DGST)
    assert await setup.cache.contains(CTX, OTHER, DGST) is False


async def test_confirm_removes_what_is_corrupt_in_the_source(setup: Setup) -> None:
    """When `confirm` finds the entry corrupt in the source, the cache no longer answers yes."""
    await setup.cache.stat(CTX, REPO, DGST)
    setup.source.error = CorruptEntryError("link")
    with pytest.raises(CorruptEntryError):
        await setup.cache.confirm(CTX, REPO, DGST)
    assert not setup.reference.members
    assert not setup.reference.metas


async def test_confirm_heals_by_a_fill(setup: Setup) -> None:
    """A yes that `confirm` got is remembered, unless a removal came between."""
    assert await setup.cache.confirm(CTX, REPO, DGST) == META
    assert setup.is_known()
    setup.source.hold()
    confirming = asyncio.ensure_future(setup.cache.confirm(CTX, REPO, DGST))
    await setup.source.asked()
    async with setup.cache.removing(CTX, REPO, DGST):
        setup.source.unlink(REPO, DGST)
    setup.source.put(REPO, DGST, META)
    setup.source.release()
    await confirming
    assert (REPO, DGST) not in setup.reference.members


async def test_confirm_joins_nothing(setup: Setup) -> None:
    """`confirm` asks the source itself, even if a flight for the same layer is under way."""
    setup.source.hold()
    reader = asyncio.ensure_future(setup.cache.stat(CTX, REPO, DGST))
    confirming = asyncio.ensure_future(setup.cache.confirm(CTX, REPO, DGST))
    await setup.source.asked()
    await turns()
    assert setup.source.questions == 2
    setup.source.release()
    assert list(await asyncio.gather(reader, confirming)) == [META, META]


async def test_confirm_answers_though_the_cache_fails(setup: Setup) -> None:
    """While the cache is down `confirm` returns the source's answer, yes or no."""
    setup.faulty.fail(BackendUnavailableError("down"))
    assert await setup.cache.confirm(CTX, REPO, DGST) == META
    with pytest.raises(NotFoundError):
        await setup.cache.confirm(CTX, OTHER, DGST)


async def test_confirm_ends_with_its_context(setup: Setup) -> None:
    """`confirm` ends with its caller's context, even if the source does not look at it."""

    class WithoutContext(SlowSource):
        async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
            return await super().stat(CTX, repo, dgst)

    source = WithoutContext()
    source.hold()
    cache = ReadThroughCache(setup.faulty, source)
    with background().with_cancel() as ctx:
        confirming = asyncio.ensure_future(cache.confirm(ctx, REPO, DGST))
        await source.asked()
    await turns()
    source.release()
    with pytest.raises(CanceledError):
        await confirming


async def test_report_missing_makes_the_cache_ask_again(setup: Setup) -> None:
    """After a report the next answer comes from the source, for every repository."""
    setup.source.put(OTHER, DGST, META)
    await setup.cache.stat(CTX, REPO, DGST)
    await setup.cache.stat(CTX, OTHER, DGST)
    setup.source.delete(DGST)
    await setup.cache.report_missing(CTX, REPO, DGST)
    assert await setup.cache.contains(CTX, REPO, DGST) is False
    assert await setup.cache.contains(CTX, OTHER, DGST) is False


async def test_report_missing_claims_nothing_when_the_blob_is_back(setup: Setup) -> None:
    """A blob that was reported missing, and is then pushed to another repository, is not in the first one."""
    await setup.cache.stat(CTX, REPO, DGST)
    setup.source.unlink(REPO, DGST)
    await setup.cache.report_missing(CTX, REPO, DGST)
    await setup.cache.put(CTX, OTHER, DGST, META)
    assert await setup.cache.contains(CTX, REPO, DGST) is False


@pytest.mark.parametrize("operation", ["confirm", "report_missing"])
async def test_confirm_and_report_missing_check_their_input(setup: Setup, operation: str) -> None:
    """`confirm` and `report_missing` refuse a malformed name and an ended context."""
    call = getattr(setup.cache, operation)
    with pytest.raises(InvalidArgumentError):
        await call(CTX, "a::b", DGST)
    with background().with_cancel() as ctx:
        pass
    with pytest.raises(CanceledError):
        await call(ctx, REPO, DGST)
    assert setup.source.questions == 0
