"""What a fault of the cache or of the source may do."""

import asyncio
import logging
import math

import pytest

from layercache import (
    BackendError,
    BackendUnavailableError,
    CorruptEntryError,
    InvalidArgumentError,
    LayerMeta,
    ReadThroughCache,
)
from layercache.testing import new_digest
from tests.context.manual import turns
from tests.readthrough.house import CTX, DGST, META, OTHER, REPO, House


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


async def test_many_that_were_not_answered_are_no_misses(house: House) -> None:
    """Layers that a bulk form could not read of the cache are not written over, either."""
    house.cache.fail(CorruptEntryError("blobs::x", "size"), "stat_many")
    assert await house.front.stat_many(CTX, REPO, [DGST]) == [META]
    assert house.cache.calls["lease"] == 0
    assert not house.knows()


async def ask_twice_with_a_corrupt_recheck(house: House) -> list[LayerMeta]:
    """Have a flight fill nothing, and the one after it look into a cache that cannot read its entry."""
    # 1  first: misses, takes a lease, asks the source
    # 2  second: misses, waits for first
    # 3  the layer is removed: first's lease is void
    # 4  second: looks into the cache once more: an entry that makes no sense
    house.source.hold()
    first = asyncio.ensure_future(house.front.stat(CTX, REPO, DGST))
    await house.source.asked()
    second = asyncio.ensure_future(house.front.stat(CTX, REPO, DGST))
    await turns()
    await house.front.remove(CTX, REPO, DGST)
    await house.front.forget(CTX, DGST)
    house.cache.fail(CorruptEntryError("blobs::x", "size"), "stat")
    house.source.release()
    return list(await asyncio.gather(first, second))


async def test_a_recheck_fails_open(house: House) -> None:
    """A flight that cannot read the cache once more is answered by the source, and the failure is told."""
    assert await ask_twice_with_a_corrupt_recheck(house) == [META, META]
    assert house.tally.told.count("failed stat") == 1
    assert house.tally.told.count("asked stat") == 2


async def test_a_recheck_that_fails_is_no_miss(house: House) -> None:
    """An entry that could not be read when the cache was asked once more is not written over, either."""
    await ask_twice_with_a_corrupt_recheck(house)
    assert house.cache.calls["lease"] == 1, "that of the first"
    assert not house.knows()


async def test_a_report_fails_open(house: House) -> None:
    """A failure of the cache to drop what is missing is told to the observer, and not to who reports it."""
    house.cache.fail(BackendUnavailableError("down"))
    await house.front.report_missing(CTX, REPO, DGST)
    assert set(house.tally.told) == {"failed report_missing"}


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


@pytest.mark.parametrize("source_seconds", [0.0, -1.0, math.nan, "1"])
def test_source_has_some_time(house: House, source_seconds: float) -> None:
    """The time that a source may take is a number, and more than nothing."""
    with pytest.raises(InvalidArgumentError):
        ReadThroughCache(house.cache, house.source, source_seconds=source_seconds)


async def test_closing_closes_the_cache_and_stops_the_flights(house: House) -> None:
    """`aclose` ends those who wait with an error, and leaves no task behind."""
    house.source.hold()
    reader = asyncio.ensure_future(house.front.stat(CTX, REPO, DGST))
    await house.source.asked()
    await house.front.aclose()
    with pytest.raises(BackendUnavailableError):
        await reader
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
