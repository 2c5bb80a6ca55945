"""Failures and observers: the event of an operation that fails or ends early, and an observer that raises."""

import asyncio
from collections.abc import Callable

import pytest

from layercache import (
    BackendUnavailableError,
    CanceledError,
    Context,
    Event,
    LayerInfoCache,
    LayerMeta,
    MemoryCache,
    Observer,
    ReadThroughCache,
    RedisCache,
    background,
)
from layercache.testing import FaultyCache, SlowSource, new_digest, new_meta, new_repository
from tests.context.manual import turns
from tests.recorder import Recorder
from tests.reference import ReferenceBackend, ReferenceCache
from tests.servers import RedisServer, free_port

CTX = background()
REPO, DGST, ABSENT = new_repository(), new_digest(), new_digest()
META = new_meta(DGST)

Make = Callable[[Observer], LayerInfoCache]


class SlowBackend(ReferenceBackend):
    """Never answers `stat`; it waits under the context."""

    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta | None:
        await ctx.run(asyncio.Event().wait())
        return None


class FailingObserver(Observer):
    """Raises for every event."""

    def observe(self, event: Event) -> None:
        raise ZeroDivisionError


@pytest.fixture
def recorder() -> Recorder:
    """The observer of the cache."""
    return Recorder()


@pytest.fixture
def source() -> SlowSource:
    """A source that has one layer."""
    source = SlowSource()
    source.put(REPO, DGST, META)
    return source


async def test_an_error_is_part_of_its_event(recorder: Recorder) -> None:
    """An operation that fails has the outcome `error`, and the error that was raised."""
    async with RedisCache(f"redis://127.0.0.1:{free_port()}", observer=recorder) as cache:
        with pytest.raises(BackendUnavailableError) as raised:
            await cache.stat(CTX, REPO, DGST)
    assert recorder.lines == ["far stat error"]
    assert recorder.events[0].error is raised.value


@pytest.mark.parametrize("operation", ["contains_many", "stat_many"])
async def test_a_bulk_form_that_fails_has_all_its_layers(operation: str, recorder: Recorder) -> None:
    """The event of a bulk form that failed has the number of layers that it was about."""
    async with RedisCache(f"redis://127.0.0.1:{free_port()}", observer=recorder) as cache:
        with pytest.raises(BackendUnavailableError):
            await getattr(cache, operation)(CTX, REPO, [DGST, ABSENT, ABSENT])
    [event] = recorder.events
    assert (event.operation, event.outcome, event.layers) == (operation, "error", 3)


async def test_failures_behind_a_read_through(source: SlowSource, recorder: Recorder) -> None:
    """What fails and is not raised, as the cache behind a read-through, is reported all the same."""
    faulty = FaultyCache(ReferenceCache())
    faulty.fail(BackendUnavailableError("down"))
    source.error = OSError("disk")
    async with ReadThroughCache(faulty, source, observer=recorder) as cache:
        with pytest.raises(Exception, match="disk"):
            await cache.stat(CTX, REPO, DGST)
    assert recorder.lines == ["far stat error", "source stat error"]
    assert [str(event.error) for event in recorder.events] == ["down", "disk"]


async def test_an_ended_context_is_no_error(source: SlowSource, recorder: Recorder) -> None:
    """An operation whose context ends while it waits has the outcome `ended`."""
    cache = ReadThroughCache(LayerInfoCache(SlowBackend()), source, observer=recorder)
    with CTX.with_cancel() as ctx:
        asking = asyncio.ensure_future(cache.stat(ctx, REPO, DGST))
        await turns()
    with pytest.raises(CanceledError):
        await asking
    assert recorder.lines == ["far stat ended"]
    assert isinstance(recorder.events[0].error, CanceledError)


async def test_a_cancelled_task_is_no_error(source: SlowSource, recorder: Recorder) -> None:
    """An operation whose task is cancelled has the outcome `ended`."""
    cache = ReadThroughCache(LayerInfoCache(SlowBackend()), source, observer=recorder)
    asking = asyncio.ensure_future(cache.stat(CTX, REPO, DGST))
    await turns()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert recorder.lines == ["far stat ended"]


@pytest.mark.parametrize("kind", ["memory", "redis", "near", "a source behind"])
async def test_an_observer_that_raises(
    kind: str, redis_server: RedisServer, source: SlowSource, caplog: pytest.LogCaptureFixture
) -> None:
    """An observer that raises harms no request, in whichever tier, and is logged once for each cache."""
    makers: dict[str, Make] = {
        "memory": lambda observer: MemoryCache(observer=observer),
        "redis": lambda observer: RedisCache(redis_server.url, observer=observer),
        "near": lambda observer: RedisCache(redis_server.url, near=100, observer=observer),
        "a source behind": lambda observer: ReadThroughCache(MemoryCache(), source, observer=observer),
    }
    async with makers[kind](FailingObserver()) as cache:
        await cache.put(CTX, REPO, DGST, META)
        for _ in range(4):
            assert await cache.stat(CTX, REPO, DGST) == META
        async with cache.removing(CTX, REPO, DGST):
            source.unlink(REPO, DGST)
        assert await cache.stat_many(CTX, REPO, [DGST]) == [None]
    assert [record.levelname for record in caplog.records if record.exc_info] == ["ERROR"]
