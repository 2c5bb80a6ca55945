"""What keeps the cache true, and heals it."""

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
from tests.readthrough.house import CTX, DGST, META, OTHER, REPO, House


async def test_a_fill_does_not_undo_a_removal(house: House) -> None:
    """What the source said before a removal is not filled in after it."""
    house.source.hold()
    reader = asyncio.ensure_future(house.front.stat(CTX, REPO, DGST))
    await house.source.asked()
    async with house.front.removing(CTX, REPO, DGST):
        house.source.unlink(REPO, DGST)
    house.source.put(REPO, DGST, META)  # Whatever it says now, the old question is settled.
    house.source.release()
    await reader
    assert (REPO, DGST) not in house.store.members
    assert "refused" in house.tally.told


async def test_the_lease_is_taken_before_the_source_is_asked(house: House) -> None:
    """A removal that ended before the question was asked does not keep its answer from being filled in."""
    house.source.hold()
    reader = asyncio.ensure_future(house.front.stat(CTX, REPO, DGST))
    await house.source.asked()
    assert house.store.tokens, "asked without a lease"
    house.source.release()
    await reader
    assert house.knows()


async def test_nothing_is_filled_while_a_removal_is_under_way(house: House) -> None:
    """A reader within a removal is answered by the source, and leaves no trace."""
    async with house.front.removing(CTX, REPO, DGST):
        assert await house.front.stat(CTX, REPO, DGST) == META
        assert not house.knows()
        house.source.unlink(REPO, DGST)
    assert await house.front.contains(CTX, REPO, DGST) is False


async def test_confirm_asks_the_source_even_on_a_hit(house: House) -> None:
    """`confirm` is not taken in by a yes of the cache, and clears it."""
    await house.front.stat(CTX, REPO, DGST)
    house.source.unlink(REPO, DGST)
    assert await house.front.contains(CTX, REPO, DGST) is True
    with pytest.raises(NotFoundError):
        await house.front.confirm(CTX, REPO, DGST)
    assert await house.front.contains(CTX, REPO, DGST) is False


async def test_a_no_of_confirm_is_a_no_for_every_repository(house: House) -> None:
    """When `confirm` finds a blob gone, no repository that the cache knew to have it is said to have it."""
    house.source.put(OTHER, DGST, META)
    await house.front.stat(CTX, OTHER, DGST)
    house.source.delete(DGST)
    with pytest.raises(NotFoundError):
        await house.front.confirm(CTX, REPO, DGST)
    assert await house.front.contains(CTX, OTHER, DGST) is False


async def test_confirm_drops_what_makes_no_sense(house: House) -> None:
    """When `confirm` hears that the entry in the source is corrupt, the cache no longer says yes."""
    await house.front.stat(CTX, REPO, DGST)
    house.source.error = CorruptEntryError("link")
    with pytest.raises(CorruptEntryError):
        await house.front.confirm(CTX, REPO, DGST)
    assert not house.store.members
    assert not house.store.metas


async def test_confirm_heals_by_a_fill(house: House) -> None:
    """A yes that `confirm` heard is remembered, unless a removal came between."""
    assert await house.front.confirm(CTX, REPO, DGST) == META
    assert house.knows()
    house.source.hold()
    confirming = asyncio.ensure_future(house.front.confirm(CTX, REPO, DGST))
    await house.source.asked()
    async with house.front.removing(CTX, REPO, DGST):
        house.source.unlink(REPO, DGST)
    house.source.put(REPO, DGST, META)
    house.source.release()
    await confirming
    assert (REPO, DGST) not in house.store.members


async def test_confirm_joins_nothing(house: House) -> None:
    """`confirm` asks for itself, though a flight for the same layer is about to depart or under way."""
    house.source.hold()
    reader = asyncio.ensure_future(house.front.stat(CTX, REPO, DGST))
    confirming = asyncio.ensure_future(house.front.confirm(CTX, REPO, DGST))
    await house.source.asked()
    await turns()
    assert house.source.questions == 2
    house.source.release()
    assert list(await asyncio.gather(reader, confirming)) == [META, META]


async def test_confirm_answers_though_the_cache_fails(house: House) -> None:
    """Without a cache `confirm` is the source's answer, yes or no."""
    house.cache.fail(BackendUnavailableError("down"))
    assert await house.front.confirm(CTX, REPO, DGST) == META
    with pytest.raises(NotFoundError):
        await house.front.confirm(CTX, OTHER, DGST)


async def test_confirm_ends_with_its_context(house: House) -> None:
    """A caller that no longer waits for `confirm` hears so, though the source looks at no context."""

    class DeafSource(SlowSource):
        async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
            return await super().meta(CTX, dgst)

    source = DeafSource()
    source.hold()
    front = ReadThroughCache(house.cache, source)
    with background().with_cancel() as ctx:
        confirming = asyncio.ensure_future(front.confirm(ctx, REPO, DGST))
        await source.asked()
    await turns()
    source.release()
    with pytest.raises(CanceledError):
        await confirming


async def test_report_missing_makes_the_cache_ask_again(house: House) -> None:
    """After a report the next answer comes from the source, for every repository."""
    house.source.put(OTHER, DGST, META)
    await house.front.stat(CTX, REPO, DGST)
    await house.front.stat(CTX, OTHER, DGST)
    house.source.delete(DGST)
    await house.front.report_missing(CTX, REPO, DGST)
    assert await house.front.contains(CTX, REPO, DGST) is False
    assert await house.front.contains(CTX, OTHER, DGST) is False


async def test_report_missing_claims_nothing_when_the_blob_is_back(house: House) -> None:
    """A blob that was missing and is pushed to another repository is not in the one that missed it."""
    await house.front.stat(CTX, REPO, DGST)
    house.source.unlink(REPO, DGST)
    await house.front.report_missing(CTX, REPO, DGST)
    await house.front.put(CTX, OTHER, DGST, META)
    assert await house.front.contains(CTX, REPO, DGST) is False


@pytest.mark.parametrize("operation", ["confirm", "report_missing"])
async def test_what_is_beyond_the_contract_checks_its_input_too(house: House, operation: str) -> None:
    """`confirm` and `report_missing` refuse what could forge a key, and an ended context."""
    call = getattr(house.front, operation)
    with pytest.raises(InvalidArgumentError):
        await call(CTX, "a::b", DGST)
    with background().with_cancel() as ctx:
        pass
    with pytest.raises(CanceledError):
        await call(ctx, REPO, DGST)
    assert house.source.questions == 0
