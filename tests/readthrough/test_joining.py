"""Who shares an answer, and who must not."""

import asyncio

import pytest

from layercache import (
    CanceledError,
    Context,
    ReadThroughCache,
    background,
)
from layercache.backend import Lease
from layercache.testing import new_digest
from tests.context.manual import turns
from tests.readthrough.house import CTX, DGST, META, REPO, House
from tests.reference import ReferenceCache


async def test_ten_thousand_misses_make_one_call(house: House) -> None:
    """Ten thousand concurrent misses for one digest are answered by one question to the source."""
    house.source.hold()
    readers = [asyncio.ensure_future(house.front.stat(CTX, REPO, DGST)) for _ in range(10_000)]
    await house.source.asked()
    house.source.release()
    assert await asyncio.gather(*readers) == [META] * 10_000
    assert house.tally.told.count("asked stat") == 1


async def test_a_flight_that_takes_its_lease_is_joined(house: House) -> None:
    """Who comes while a flight waits for its lease is answered by it: the source has not been asked."""
    release = asyncio.Event()

    class SlowLease(ReferenceCache):
        async def _lease(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
            await release.wait()
            return await super().lease(ctx, repo, dgst)

    front = ReadThroughCache(SlowLease(), house.source, observer=house.tally)
    absent = new_digest()  # A no is not remembered: who did not join would ask for it again.
    readers = []
    for _ in range(2):
        readers.append(asyncio.ensure_future(front.contains(CTX, REPO, absent)))
        await turns()
    release.set()
    assert await asyncio.gather(*readers) == [False, False]
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
    """Who asks after a removal was acknowledged is told of it, though an older flight is in the air."""
    # 1  early: asks the source: "yes", which is slow to arrive
    # 2  the layer is removed, and that is acknowledged
    # 3  late: asks                           <- must not be told early's "yes"
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
    """A flight that looks into the cache once more has departed: its answer is for those aboard."""
    # 1  first: asks the source: "yes"
    # 2  second: waits for first, then looks into the cache: "yes", which is slow to arrive
    # 3  the layer is removed, and that is acknowledged
    # 4  third: asks                          <- must not be told second's "yes"
    release = asyncio.Event()

    class SlowRecheck(ReferenceCache):
        async def _stat(self, ctx: object, repo: str, dgst: str) -> object:  # type: ignore[override]  # slower only
            found = await super().stat(background(), repo, dgst)
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
