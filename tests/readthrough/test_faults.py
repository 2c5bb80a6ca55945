"""What a failure of the cache or of the source may do."""

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
from tests.readthrough.setup import CTX, DGST, META, OTHER, REPO, Setup


async def test_reads_fail_open(setup: Setup) -> None:
    """While the cache is down the source answers every read."""
    setup.faulty.fail(BackendUnavailableError("down"))
    assert await setup.cache.stat(CTX, REPO, DGST) == META
    assert await setup.cache.meta(CTX, DGST) == META
    assert await setup.cache.contains(CTX, REPO, DGST) is True
    assert await setup.cache.contains(CTX, OTHER, DGST) is False
    assert await setup.cache.stat_many(CTX, REPO, [DGST, new_digest()]) == [META, None]


@pytest.mark.parametrize("operation", ["lease", "fill"])
async def test_what_cannot_be_filled_is_answered_all_the_same(setup: Setup, operation: str) -> None:
    """If a lease or a fill fails, the answer is not remembered, but returned."""
    setup.faulty.fail(BackendUnavailableError("down"), operation)
    assert await setup.cache.stat(CTX, REPO, DGST) == META
    assert f"far {operation} error" in setup.recorder.lines


async def test_only_a_true_miss_is_filled(setup: Setup) -> None:
    """An entry that could not be read is not written over by a reader."""
    setup.faulty.fail(CorruptEntryError("blobs::x", "size"), "stat")
    assert await setup.cache.stat(CTX, REPO, DGST) == META
    assert setup.faulty.calls["lease"] == 0
    assert not setup.is_known()


async def test_a_bulk_form_that_failed_is_no_miss(setup: Setup) -> None:
    """Layers that a bulk form could not read from the cache are not written over, either."""
    setup.faulty.fail(CorruptEntryError("blobs::x", "size"), "stat_many")
    assert await setup.cache.stat_many(CTX, REPO, [DGST]) == [META]
    assert setup.faulty.calls["lease"] == 0
    assert not setup.is_known()


async def ask_twice_with_a_corrupt_recheck(setup: Setup) -> list[LayerMeta]:
    """Have a flight fill nothing, and the next one ask a cache that cannot read its entry."""
    # 1  first: misses, takes a lease, asks the source
    # 2  second: misses, waits for first
    # 3  the layer is removed: first's lease is void
    # 4  second: asks the cache once more: a corrupt entry
    setup.source.hold()
    first = asyncio.ensure_future(setup.cache.stat(CTX, REPO, DGST))
    await setup.source.asked()
    second = asyncio.ensure_future(setup.cache.stat(CTX, REPO, DGST))
    await turns()
    await setup.cache.remove(CTX, REPO, DGST)
    await setup.cache.forget(CTX, DGST)
    setup.faulty.fail(CorruptEntryError("blobs::x", "size"), "stat")
    setup.source.release()
    return list(await asyncio.gather(first, second))


async def test_a_recheck_fails_open(setup: Setup) -> None:
    """If a flight's second look at the cache fails, the source answers, and the failure is reported."""
    assert await ask_twice_with_a_corrupt_recheck(setup) == [META, META]
    assert setup.recorder.lines.count("far stat error") == 1
    assert setup.recorder.lines.count("source stat hit") == 2


async def test_a_recheck_that_fails_is_no_miss(setup: Setup) -> None:
    """An entry that could not be read at the second look is not written over, either."""
    await ask_twice_with_a_corrupt_recheck(setup)
    assert setup.faulty.calls["lease"] == 1, "that of the first"
    assert not setup.is_known()


async def test_a_report_fails_open(setup: Setup) -> None:
    """If the cache fails, `report_missing` reports that to the observer, and does not raise."""
    setup.faulty.fail(BackendUnavailableError("down"))
    await setup.cache.report_missing(CTX, REPO, DGST)
    assert set(setup.recorder.lines) == {"far remove error"}


async def test_removals_do_not_fail_open(setup: Setup) -> None:
    """If a removal cannot be announced, its body does not run."""
    setup.faulty.fail(BackendUnavailableError("down"))
    with pytest.raises(BackendUnavailableError):
        async with setup.cache.removing(CTX, REPO, DGST):
            pytest.fail("the body ran")


async def test_an_error_of_the_source_is_an_error(setup: Setup) -> None:
    """A source that fails is an error and never a no, and nothing is filled in."""
    setup.source.error = OSError("disk on fire")
    for call in (setup.cache.stat(CTX, REPO, DGST), setup.cache.confirm(CTX, REPO, DGST)):
        with pytest.raises(BackendError, match="disk on fire"):
            await call
    assert not setup.is_known()


async def test_failures_are_logged_once_per_change(setup: Setup, caplog: pytest.LogCaptureFixture) -> None:
    """A cache that is down for a hundred reads is one line in the log, and one more when it works again."""
    caplog.set_level(logging.INFO, "layercache")
    setup.faulty.fail(BackendUnavailableError("down"), "stat")
    for _ in range(100):
        await setup.cache.stat(CTX, REPO, DGST)
    setup.faulty.mend()
    for _ in range(100):
        await setup.cache.stat(CTX, REPO, DGST)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert setup.recorder.lines.count("far stat error") == 100


async def test_a_corrupt_entry_is_no_change_of_state(setup: Setup, caplog: pytest.LogCaptureFixture) -> None:
    """One corrupt entry is reported to the observer, and the log does not say that the cache fails."""
    setup.faulty.fail(CorruptEntryError("blobs::x", "size"), "stat")
    await setup.cache.stat(CTX, REPO, DGST)
    assert setup.recorder.lines == ["far stat error", "source stat hit"]
    assert caplog.records == []


@pytest.mark.parametrize("source_seconds", [0.0, -1.0, math.nan, "1"])
def test_source_seconds_make_sense(setup: Setup, source_seconds: float) -> None:
    """`source_seconds` is a number above 0."""
    with pytest.raises(InvalidArgumentError):
        ReadThroughCache(setup.faulty, setup.source, source_seconds=source_seconds)


async def test_closing_closes_the_cache_and_stops_the_flights(setup: Setup) -> None:
    """After `aclose` the waiters have an error, and no task is left."""
    setup.source.hold()
    reader = asyncio.ensure_future(setup.cache.stat(CTX, REPO, DGST))
    await setup.source.asked()
    await setup.cache.aclose()
    with pytest.raises(BackendUnavailableError):
        await reader
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
