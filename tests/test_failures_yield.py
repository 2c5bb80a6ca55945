"""A retry loop around an operation that fails at once does not block the event loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from layercache import (
    BackendError,
    Context,
    ContextError,
    LayerInfoCache,
    Lease,
    MemoryCache,
    ReadThroughCache,
    RedisCache,
    background,
)
from layercache.testing import SlowSource, new_digest, new_meta, new_repository
from tests.servers import free_port

TRIES = 20
REPO, DGST = new_repository(), new_digest()
META = new_meta(DGST)

Operation = Callable[[LayerInfoCache, Context], Awaitable[object]]

READS: dict[str, Operation] = {
    "contains": lambda cache, ctx: cache.contains(ctx, REPO, DGST),
    "meta": lambda cache, ctx: cache.meta(ctx, DGST),
    "stat": lambda cache, ctx: cache.stat(ctx, REPO, DGST),
    "contains_many": lambda cache, ctx: cache.contains_many(ctx, REPO, [DGST]),
    "stat_many": lambda cache, ctx: cache.stat_many(ctx, REPO, [DGST]),
}
WRITES: dict[str, Operation] = {
    "add": lambda cache, ctx: cache.add(ctx, REPO, DGST),
    "set_meta": lambda cache, ctx: cache.set_meta(ctx, DGST, META),
    "put": lambda cache, ctx: cache.put(ctx, REPO, DGST, META),
    "remove": lambda cache, ctx: cache.remove(ctx, REPO, DGST),
    "forget": lambda cache, ctx: cache.forget(ctx, DGST),
    "lease": lambda cache, ctx: cache.lease(ctx, REPO, DGST),
    "fill": lambda cache, ctx: cache.fill(ctx, Lease(REPO, DGST, "0" * 32, "0" * 32), META),
    "removing": lambda cache, ctx: cache.removing(ctx, REPO, DGST).__aenter__(),
    "forgetting": lambda cache, ctx: cache.forgetting(ctx, DGST).__aenter__(),
}
OPERATIONS = READS | WRITES
every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)


class Turns:
    """Counts the turns of the running loop."""

    def __init__(self) -> None:
        self.count = 0
        self._turn()

    def _turn(self) -> None:
        self.count += 1
        self._handle = asyncio.get_running_loop().call_soon(self._turn)

    def stop(self) -> None:
        """Count no more."""
        self._handle.cancel()


@pytest.fixture
async def turns() -> AsyncIterator[Turns]:
    """The turns of the loop, counted from now on."""
    counted = Turns()
    yield counted
    counted.stop()


async def retry(attempt: Callable[[], Awaitable[object]], error: type[Exception], turns: Turns) -> None:
    """Check that each try fails with *error*, and that the loop turns meanwhile."""
    for _ in range(TRIES):
        before = turns.count
        with pytest.raises(error):
            await attempt()
        assert turns.count > before


def dead_url() -> str:
    """A URL where nothing listens."""
    return f"redis://127.0.0.1:{free_port()}"


@pytest.mark.parametrize("is_closed", [False, True], ids=["down", "closed"])
@pytest.mark.parametrize("near", [0, 100], ids=["far", "near and far"])
@every_operation
async def test_without_a_connection(turns: Turns, operation: Operation, near: int, is_closed: bool) -> None:
    """While the server is away, or the cache closed, each operation fails a turn of the loop later."""
    async with RedisCache(dead_url(), near=near) as cache:
        if is_closed:
            await cache.aclose()
        await retry(lambda: operation(cache, background()), BackendError, turns)


@pytest.mark.parametrize("error", [ValueError("a bug"), BackendError("away")], ids=repr)
@pytest.mark.parametrize("operation", READS.values(), ids=READS)
async def test_a_source_that_fails_at_once(turns: Turns, operation: Operation, error: Exception) -> None:
    """A read whose source fails without waiting fails a turn of the loop later."""
    source = SlowSource()
    source.error = error
    cache = ReadThroughCache(MemoryCache(), source)
    await retry(lambda: operation(cache, background()), BackendError, turns)
    await retry(lambda: cache.confirm(background(), REPO, DGST), BackendError, turns)


@pytest.mark.parametrize("kind", ["memory", "far", "near and far", "a source behind"])
@every_operation
async def test_a_context_that_has_ended(turns: Turns, operation: Operation, kind: str) -> None:
    """Under a context that has ended, each operation of each cache fails a turn of the loop later."""
    makers: dict[str, Callable[[], LayerInfoCache]] = {
        "memory": MemoryCache,
        "far": lambda: RedisCache(dead_url()),
        "near and far": lambda: RedisCache(dead_url(), near=100),
        "a source behind": lambda: ReadThroughCache(MemoryCache(), SlowSource()),
    }
    async with makers[kind]() as cache:
        with background().with_cancel() as ctx:
            ctx.cancel()
        await retry(lambda: operation(cache, ctx), ContextError, turns)
