"""A source behind a cache: what is asked, what is filled in, and what a fault may do."""

import asyncio
import logging

import pytest

from layercache import (
    BackendError,
    BackendUnavailableError,
    CanceledError,
    CorruptEntryError,
    InvalidArgumentError,
    NotFoundError,
    Observer,
    ReadThroughCache,
    background,
)
from layercache.testing import FaultyCache, SlowSource, new_digest, new_meta, new_repository
from tests.context.manual import turns
from tests.reference import ReferenceCache

CTX = background()
REPO, OTHER, DGST = new_repository(), new_repository(), new_digest()
META = new_meta(DGST)


class Tally(Observer):
    """Writes down all it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def hit(self, operation: str) -> None:
        self.told.append(f"hit {operation}")

    def miss(self, operation: str) -> None:
        self.told.append(f"miss {operation}")

    def asked(self, operation: str, seconds: float) -> None:
        assert seconds >= 0
        self.told.append(f"asked {operation}")

    def filled(self, stored: bool) -> None:
        self.told.append("filled" if stored else "refused")

    def failed(self, operation: str, error: Exception) -> None:
        self.told.append(f"failed {operation}")


class House:
    """A source that has one layer, an empty cache that can fail, and the one before the other."""

    def __init__(self) -> None:
        self.source = SlowSource()
        self.source.put(REPO, DGST, META)
        self.store = ReferenceCache()
        self.cache = FaultyCache(self.store)
        self.tally = Tally()
        self.front = ReadThroughCache(self.cache, self.source, observer=self.tally)

    def knows(self) -> bool:
        return (REPO, DGST) in self.store.members and DGST in self.store.metas


@pytest.fixture
def house() -> House:
    return House()


# ---- misses and hits


async def test_a_miss_is_answered_by_the_source_and_filled_in(house: House) -> None:
    """The first question goes to the source, the second is answered from the cache."""
    assert await house.front.stat(CTX, REPO, DGST) == META
    assert house.knows()
    questions = house.source.questions
    assert await house.front.stat(CTX, REPO, DGST) == META
    assert house.source.questions == questions
    assert house.tally.told == ["miss stat", "asked stat", "filled", "hit stat"]


async def test_a_no_of_the_source_is_a_no(house: House) -> None:
    """What the source does not have is not found, and nothing is filled in."""
    with pytest.raises(NotFoundError):
        await house.front.stat(CTX, OTHER, DGST)
    assert await house.front.contains(CTX, OTHER, DGST) is False
    assert not house.store.members
    assert "filled" not in house.tally.told


async def test_contains_is_stat_without_the_answer(house: House) -> None:
    """A digest that was forgotten is claimed by no repository, though its membership lies in the set."""
    assert await house.front.contains(CTX, REPO, DGST) is True
    house.source.delete(DGST)
    await house.front.forget(CTX, DGST)
    assert (REPO, DGST) in house.store.members
    assert await house.front.contains(CTX, REPO, DGST) is False
    assert await house.front.contains_many(CTX, REPO, [DGST]) == [False]


async def test_meta_asks_and_fills_the_meta_alone(house: House) -> None:
    """`meta` says where a blob lies for whichever repository, and claims no membership."""
    assert await house.front.meta(CTX, DGST) == META
    assert house.store.metas == {DGST: META}
    assert not house.store.members
    await house.front.meta(CTX, DGST)
    assert house.source.questions == 1


async def test_many_are_asked_of_the_cache_at_once_and_the_rest_of_the_source(house: House) -> None:
    """A bulk form makes one call to the cache, and one question to the source per layer it missed."""
    more = [new_digest() for _ in range(3)]
    house.source.put(REPO, more[0], new_meta(more[0]))
    await house.front.stat(CTX, REPO, DGST)
    house.tally.told.clear()
    asked = [more[1], DGST, more[0], more[0], more[2]]
    expected = [None, META, new_meta(more[0]), new_meta(more[0]), None]
    assert await house.front.stat_many(CTX, REPO, asked) == expected
    assert house.cache.calls["stat_many"] == 1
    assert house.tally.told.count("asked stat") == 3
    assert await house.front.contains_many(CTX, REPO, asked) == [meta is not None for meta in expected]


async def test_the_halves_of_an_answer_were_true_together(house: House) -> None:
    """The source is asked for the meta before the membership, not the other way round.

    1  reader: membership of REPO: "yes"
    2  the blob is deleted, REPO's link too; the blob is pushed again, to OTHER
    3  reader: meta: "there"                <- never true of REPO together
    """
    house.source.hold()
    reading = asyncio.ensure_future(house.front.stat(CTX, REPO, DGST))
    await house.source.asked()
    house.source.delete(DGST)
    house.source.unlink(REPO, DGST)
    house.source.put(OTHER, DGST, META)
    house.source.release()
    with pytest.raises(NotFoundError):
        await reading


# ---- flights


async def test_ten_thousand_misses_make_one_call(house: House) -> None:
    """Ten thousand concurrent misses for one digest are answered by one question to the source."""
    house.source.hold()
    readers = [asyncio.ensure_future(house.front.stat(CTX, REPO, DGST)) for _ in range(10_000)]
    await house.source.asked()
    house.source.release()
    assert await asyncio.gather(*readers) == [META] * 10_000
    assert house.tally.told.count("asked stat") == 1


async def test_who_comes_while_the_source_is_asked_is_answered_by_the_cache(house: House) -> None:
    """Those who come too late for a flight wait for it, and then find what it filled in."""
    house.source.hold()
    early = asyncio.ensure_future(house.front.stat(CTX, REPO, DGST))
    await house.source.asked()
    late = [asyncio.ensure_future(house.front.stat(CTX, REPO, DGST)) for _ in range(100)]
    await turns()
    house.source.release()
    assert await asyncio.gather(early, *late) == [META] * 101
    assert house.tally.told.count("asked stat") == 1


async def test_an_answer_is_never_older_than_its_question(house: House) -> None:
    """Who asks after a removal was acknowledged is told of it, though an older flight is in the air.

    1  early: asks the source: "yes", which is slow to arrive
    2  the layer is removed, and that is acknowledged
    3  late: asks                           <- must not be told early's "yes"
    """
    house.source.hold()
    early = asyncio.ensure_future(house.front.contains(CTX, REPO, DGST))
    await house.source.asked()
    house.source.answer()
    await house.source.asked()
    async with house.front.removing(CTX, REPO, DGST):
        house.source.unlink(REPO, DGST)
    late = asyncio.ensure_future(house.front.contains(CTX, REPO, DGST))
    await turns()
    house.source.release()
    assert await early is True
    assert await late is False


async def test_a_recheck_of_the_cache_is_not_joined(house: House) -> None:
    """A flight that looks into the cache once more has departed: its answer is for those aboard.

    1  first: asks the source: "yes"
    2  second: waits for first, then looks into the cache: "yes", which is slow to arrive
    3  the layer is removed, and that is acknowledged
    4  third: asks                          <- must not be told second's "yes"
    """
    release = asyncio.Event()

    class SlowRecheck(ReferenceCache):
        async def _stat(self, ctx: object, repo: str, dgst: str) -> object:  # type: ignore[override]  # slower only
            found = await super()._stat(background(), repo, dgst)
            await release.wait()
            return found

    front = ReadThroughCache(SlowRecheck(), house.source)
    house.source.hold()
    first = asyncio.ensure_future(front.contains(CTX, REPO, DGST))
    await house.source.asked()
    second = asyncio.ensure_future(front.contains(CTX, REPO, DGST))
    await turns()
    house.source.release()
    await first
    await turns()
    async with front.removing(CTX, REPO, DGST):
        house.source.unlink(REPO, DGST)
    third = asyncio.ensure_future(front.contains(CTX, REPO, DGST))
    await turns()
    release.set()
    assert await second is True
    assert await third is False


async def test_all_callers_leaving_stops_the_question(house: House) -> None:
    """When every caller has gone, nothing goes on in the background, and nothing is filled in."""
    house.source.hold()
    readers = [asyncio.ensure_future(house.front.stat(CTX, REPO, DGST)) for _ in range(10)]
    await house.source.asked()
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    await turns()
    house.source.release()
    await turns()
    assert not house.knows()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_a_callers_context_ends_only_its_own_wait(house: House) -> None:
    """A caller whose context is cancelled hears so; the other is answered."""
    house.source.hold()
    with background().with_cancel() as ctx:
        hasty = asyncio.ensure_future(house.front.stat(ctx, REPO, DGST))
        patient = asyncio.ensure_future(house.front.stat(CTX, REPO, DGST))
        await house.source.asked()
    with pytest.raises(CanceledError):
        await hasty
    house.source.release()
    assert await patient == META


# ---- what keeps it true


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
    """A caller that no longer waits for `confirm` hears so, while the source still thinks."""
    house.source.hold()
    with background().with_cancel() as ctx:
        confirming = asyncio.ensure_future(house.front.confirm(ctx, REPO, DGST))
        await house.source.asked()
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


# ---- faults


async def test_reads_fail_open(house: House) -> None:
    """While the cache is down the source answers every read."""
    house.cache.fail(BackendUnavailableError("down"))
    assert await house.front.stat(CTX, REPO, DGST) == META
    assert await house.front.meta(CTX, DGST) == META
    assert await house.front.contains(CTX, REPO, DGST) is True
    assert await house.front.contains(CTX, OTHER, DGST) is False
    assert await house.front.stat_many(CTX, REPO, [DGST, new_digest()]) == [META, None]


@pytest.mark.parametrize("operation", ["lease", "fill"])
async def test_what_cannot_be_filled_is_answered_all_the_same(house: House, operation: str) -> None:
    """A lease or a fill that fails costs the memory of an answer, not the answer."""
    house.cache.fail(BackendUnavailableError("down"), operation)
    assert await house.front.stat(CTX, REPO, DGST) == META
    assert f"failed {operation}" in house.tally.told


async def test_only_a_true_miss_is_filled(house: House) -> None:
    """An entry that could not be read is not written over by a reader."""
    house.cache.fail(CorruptEntryError("blobs::x", "size"), "stat")
    assert await house.front.stat(CTX, REPO, DGST) == META
    assert house.cache.calls["lease"] == 0
    assert not house.knows()


async def test_removals_do_not_fail_open(house: House) -> None:
    """A deletion that cannot be announced does not begin."""
    house.cache.fail(BackendUnavailableError("down"))
    with pytest.raises(BackendUnavailableError):
        async with house.front.removing(CTX, REPO, DGST):
            pytest.fail("the body ran")


async def test_an_error_of_the_source_is_an_error(house: House) -> None:
    """A source that fails is never a no, and nothing is filled in."""
    house.source.error = OSError("disk on fire")
    for call in (house.front.stat(CTX, REPO, DGST), house.front.confirm(CTX, REPO, DGST)):
        with pytest.raises(BackendError, match="disk on fire"):
            await call
    assert not house.knows()


async def test_failures_are_logged_once_per_change(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """A cache that is down for a thousand reads is one line in the log, and one when it is back."""
    caplog.set_level(logging.INFO, "layercache")
    house.cache.fail(BackendUnavailableError("down"), "stat")
    for _ in range(100):
        await house.front.stat(CTX, REPO, DGST)
    house.cache.mend()
    for _ in range(100):
        await house.front.stat(CTX, REPO, DGST)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert house.tally.told.count("failed stat") == 100


async def test_a_corrupt_entry_is_no_change_of_state(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """One entry that makes no sense is told to the observer, and does not make the log say that all fails."""
    house.cache.fail(CorruptEntryError("blobs::x", "size"), "stat")
    await house.front.stat(CTX, REPO, DGST)
    assert house.tally.told == ["failed stat", "asked stat"]
    assert caplog.records == []


async def test_closing_closes_the_cache_and_stops_the_flights(house: House) -> None:
    """`aclose` ends those who wait with an error, and leaves no task behind."""
    house.source.hold()
    reader = asyncio.ensure_future(house.front.stat(CTX, REPO, DGST))
    await house.source.asked()
    await house.front.aclose()
    with pytest.raises(BackendUnavailableError):
        await reader
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
