"""Which callers share an answer, and which must not."""

import asyncio

import pytest

from layercache import (
    CanceledError,
    Context,
    ForwardingBackend,
    LayerInfoCache,
    LayerMeta,
    Lease,
    ReadThroughCache,
    background,
)
from layercache.testing import new_digest
from tests.context.manual import turns
from tests.readthrough.setup import CTX, DGST, META, REPO, Setup
from tests.reference import ReferenceBackend


async def test_ten_thousand_misses_make_one_call(setup: Setup) -> None:
    """Ten thousand concurrent misses for one digest are answered by one question to the source."""
    setup.source.hold()
    readers = [asyncio.ensure_future(setup.cache.stat(CTX, REPO, DGST)) for _ in range(10_000)]
    await setup.source.asked()
    setup.source.release()
    assert await asyncio.gather(*readers) == [META] * 10_000
    assert setup.recorder.lines.count("source stat hit") == 1


async def test_a_flight_that_takes_its_lease_is_joined(setup: Setup) -> None:
    """A caller joins a flight that still waits for its lease, for the source has not been asked."""
    release = asyncio.Event()

    class SlowLease(ForwardingBackend):
        async def lease(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
            await release.wait()
            return await super().lease(ctx, repo, dgst)

    cache = ReadThroughCache(
        LayerInfoCache(SlowLease(setup.reference)), setup.source, observer=setup.recorder
    )
    absent = new_digest()  # A no is not remembered: a caller that did not join would ask for it again.
    readers = []
    for _ in range(2):
        readers.append(asyncio.ensure_future(cache.contains(CTX, REPO, absent)))
        await turns()
    release.set()
    assert await asyncio.gather(*readers) == [False, False]
    assert setup.recorder.lines.count("source stat miss") == 1


async def test_callers_while_the_source_is_asked_are_answered_by_the_cache(setup: Setup) -> None:
    """Callers that come too late to join a flight wait for it, and then find what it filled in."""
    setup.source.hold()
    early = asyncio.ensure_future(setup.cache.stat(CTX, REPO, DGST))
    await setup.source.asked()
    late = [asyncio.ensure_future(setup.cache.stat(CTX, REPO, DGST)) for _ in range(100)]
    await turns()
    setup.source.release()
    assert await asyncio.gather(early, *late) == [META] * 101
    assert setup.recorder.lines.count("source stat hit") == 1


async def test_an_answer_is_never_older_than_its_question(setup: Setup) -> None:
    """A caller after an acknowledged removal does not get the answer of an older flight."""
    # 1  early: asks the source: "yes", which is slow to arrive
    # 2  the layer is removed, and that is acknowledged
    # 3  late: asks                           <- must not get early's "yes"
    setup.source.hold()
    early = asyncio.ensure_future(setup.cache.contains(CTX, REPO, DGST))
    await setup.source.asked()
    async with setup.cache.removing(CTX, REPO, DGST):
        setup.source.unlink(REPO, DGST)
    late = asyncio.ensure_future(setup.cache.contains(CTX, REPO, DGST))
    await turns()
    setup.source.release()
    assert await early is True
    assert await late is False


async def test_a_recheck_of_the_cache_is_not_joined(setup: Setup) -> None:
    """A flight that asks the cache once more is not joined: its answer is for those who wait already."""
    # 1  first: asks the source: "yes"
    # 2  second: waits for first, then looks into the cache: "yes", which is slow to arrive
    # 3  the layer is removed, and that is acknowledged
    # 4  third: asks                          <- must not get second's "yes"
    release = asyncio.Event()

    class SlowHit(ReferenceBackend):
        async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta | None:
            found = await super().stat(ctx, repo, dgst)
            if found is not None:
                await release.wait()
            return found

    cache = ReadThroughCache(LayerInfoCache(SlowHit()), setup.source)
    setup.source.hold()
    first = asyncio.ensure_future(cache.contains(CTX, REPO, DGST))
    await setup.source.asked()
    second = asyncio.ensure_future(cache.contains(CTX, REPO, DGST))
    await turns()
    setup.source.release()
    await first
    await turns()
    async with cache.removing(CTX, REPO, DGST):
        setup.source.unlink(REPO, DGST)
    third = asyncio.ensure_future(cache.contains(CTX, REPO, DGST))
    await turns()
    release.set()
    assert await second is True
    assert await third is False


async def test_all_callers_leaving_stops_the_question(setup: Setup) -> None:
    """When every caller has left, nothing goes on in the background, and nothing is filled in."""
    setup.source.hold()
    readers = [asyncio.ensure_future(setup.cache.stat(CTX, REPO, DGST)) for _ in range(10)]
    await setup.source.asked()
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    await turns()
    setup.source.release()
    await turns()
    assert not setup.is_known()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_a_callers_context_ends_only_its_own_wait(setup: Setup) -> None:
    """A caller whose context is cancelled gets that error, and the other caller gets the answer."""
    setup.source.hold()
    with background().with_cancel() as ctx:
        hasty = asyncio.ensure_future(setup.cache.stat(ctx, REPO, DGST))
        patient = asyncio.ensure_future(setup.cache.stat(CTX, REPO, DGST))
        await setup.source.asked()
    with pytest.raises(CanceledError):
        await hasty
    setup.source.release()
    assert await patient == META
