"""A walk that does not come to its end, and the one that goes on from there."""

import asyncio
from pathlib import Path

import pytest

from layercache.backends.redis.cache import RedisCache
from layercache.context import Context, background
from layercache.errors import BackendError, BackendUnavailableError, CanceledError, DeadlineExceededError
from layercache.reconcile import Difference, Kind, Reconciler, Report
from layercache.source import PARTS, part_of
from tests.servers import RedisServer
from tests.storage.trees import Tree
from tests.storage.worlds import Hooked, World, failing

CTX = background()
KINDS = 20  # layers of each kind


@pytest.fixture
async def different(world: World) -> World:
    """A world with some differences, in some parts."""
    for number in range(KINDS):
        await world.layer("x", b"kept %d" % number)
        await world.stale("x", b"stale %d" % number)
        world.tree.layer("y", b"missing %d" % number)
    return world


class Walk:
    """A walk that can be interrupted: what was told so far."""

    def __init__(self, world: World, source: Hooked | None = None) -> None:
        self.told: list[Difference] = []
        self.reports: list[Report] = []
        self._limit: int | None = None
        self._reconciler = Reconciler(
            world.cache, source or world.source, on_difference=self.told.append, on_progress=self._note
        )

    def _note(self, report: Report) -> None:
        self.reports.append(report)
        if len(self.reports) == self._limit:
            self._ctx.cancel()

    async def run(
        self, ctx: Context = CTX, *, fix: bool = False, cursor: str = "", limit: int | None = None
    ) -> Report:
        """Run, or up to so many reports."""
        self._limit = limit
        with ctx.with_cancel() as self._ctx:
            return await self._reconciler.run(self._ctx, fix, cursor)

    @property
    def cursor(self) -> str:
        """Where to go on."""
        return self.reports[-1].cursor if self.reports else ""


# ---- the one that goes on


async def test_two_walks_tell_what_one_would(different: World) -> None:
    """Wherever a walk is interrupted, the next one tells the rest, and nothing twice."""
    whole = Walk(different)
    await whole.run()
    assert len(whole.told) == 4 * KINDS
    for limit in range(1, len(whole.reports), 23):
        walk = Walk(different)
        with pytest.raises(CanceledError):
            await walk.run(limit=limit)
        report = await walk.run(cursor=walk.cursor)
        assert walk.told == whole.told
        assert report.is_complete


async def test_many_interruptions(different: World) -> None:
    """However often a walk is interrupted, it comes to its end if each gets on a little."""
    whole, walk = Walk(different), Walk(different)
    await whole.run()
    while not (walk.reports and walk.reports[-1].is_complete):
        at = len(walk.reports)
        try:
            await walk.run(cursor=walk.cursor, limit=at + 100)
        except CanceledError:
            continue
    assert walk.told == whole.told


@pytest.mark.parametrize("question", ["contains", "meta"])
@pytest.mark.parametrize("number", [1, 2, 7, 2 * KINDS])
async def test_interrupted_fix(different: World, question: str, number: int) -> None:
    """With fix, all that was stale is told and forgotten, by one walk or by the other."""
    expected = {difference for difference in (await different.walk())[0] if difference.kind is Kind.STALE}
    walk = Walk(
        different, Hooked(different.source, {f"before {question} {number}": failing(BackendError("no"))})
    )
    with pytest.raises(BackendError):
        await walk.run(fix=True)
    await walk.run(fix=True, cursor=walk.cursor)
    stale = [difference for difference in walk.told if difference.kind is Kind.STALE]
    assert {difference._replace(fixed=False) for difference in stale} == expected
    fixed = [difference for difference in stale if difference.fixed]
    assert len(fixed) == len(set(fixed))
    assert {difference.kind for difference in (await different.walk())[0]} == {Kind.MISSING}


async def test_cursor_skips_what_is_done(different: World) -> None:
    """What was walked is neither told nor listed again."""
    source = Hooked(different.source, {})
    told, report = await different.walk(cursor="7f", source=source)
    assert {part_of(difference.dgst or "") > "7f" for difference in told} == {True}
    assert source.moments.count("after blobs 129") == 1
    assert "before blobs 130" not in source.moments
    assert report.cursor == PARTS[-1]


async def test_cursor_of_the_end(different: World) -> None:
    """To go on from the end is to find nothing."""
    told, report = await different.walk(cursor=PARTS[-1])
    assert told == []
    assert report.is_complete


async def test_progress(different: World) -> None:
    """Each report goes on from the last one, and the last is the one that is returned."""
    walk = Walk(different)
    last = await walk.run()
    assert walk.reports[-1] == last
    assert [report.is_complete for report in walk.reports] == [False] * (len(walk.reports) - 1) + [True]
    order = ["", *PARTS]
    for before, after in zip(walk.reports, walk.reports[1:], strict=False):
        assert order.index(before.cursor) <= order.index(after.cursor)
        assert all(old <= new for old, new in zip(before[1:-1], after[1:-1], strict=True))
    assert (last.known, last.listed, last.stale, last.missing) == (4 * KINDS, 4 * KINDS, 2 * KINDS, 2 * KINDS)


# ---- how a walk ends early


async def test_ended_context(world: World) -> None:
    """Under a context that has ended, nothing is asked."""
    source = Hooked(world.source, {})
    with CTX.with_cancel() as ctx:
        ctx.cancel()
        with pytest.raises(CanceledError):
            await Walk(world, source).run(ctx)
    assert source.moments == []


@pytest.mark.parametrize("moment", ["links 1", "blobs 1", "blobs 200", "contains 1", "contains 2", "meta 2"])
async def test_deadline_in_the_middle(different: World, moment: str) -> None:
    """A walk ends with its context, whatever it waits for, and leaves no task behind."""
    tasks = asyncio.all_tasks()
    with CTX.with_timeout(60) as ctx:

        async def hang() -> None:
            ctx.cancel()
            await asyncio.Event().wait()

        walk = Walk(different, Hooked(different.source, {f"before {moment}": hang}))
        with pytest.raises(CanceledError):
            await walk.run(ctx, fix=True)
    assert asyncio.all_tasks() == tasks


async def test_canceled_task(different: World) -> None:
    """A walk whose task is cancelled leaves no task behind, and no marker that keeps others from filling."""
    tasks = asyncio.all_tasks()
    is_fixing = asyncio.Event()

    async def hang() -> None:
        is_fixing.set()
        await asyncio.Event().wait()

    walk = asyncio.create_task(
        Walk(different, Hooked(different.source, {"before contains 2": hang})).run(fix=True)
    )
    await is_fixing.wait()
    walk.cancel()
    with pytest.raises(asyncio.CancelledError):
        await walk
    assert asyncio.all_tasks() == tasks
    told, _ = await different.walk()
    for difference in told:
        assert await different.cache.lease(CTX, difference.repo, difference.dgst or "") is not None


async def test_deadline(different: World) -> None:
    """A deadline that has passed is told as one."""
    with CTX.with_timeout(0) as ctx, pytest.raises(DeadlineExceededError):
        await Walk(different).run(ctx)


# ---- errors are never a no


@pytest.mark.parametrize(
    "moment",
    [
        "before listing 1",
        "before links 1",
        "after links 1",
        "before blobs 1",
        "after blobs 100",
        "before blobs 257",
        "before contains 1",
        "after contains 1",
        "after meta 1",
    ],
)
async def test_source_fails(different: World, moment: str) -> None:
    """A source that fails at any moment ends the walk with its error, and all that is true stays known."""
    error = BackendUnavailableError("gone")
    with pytest.raises(BackendUnavailableError) as caught:
        await different.walk(fix=True, source=Hooked(different.source, {moment: failing(error)}))
    assert caught.value is error
    told, _ = await different.walk()
    assert sum(difference.kind is Kind.MISSING for difference in told) == 2 * KINDS


@pytest.mark.parametrize("moment", ["before links 1", "before blobs 1", "before blobs 100"])
async def test_storage_is_unmounted(different: World, tmp_path: Path, moment: str) -> None:
    """A tree that vanishes in the middle of a walk is an error, and nothing that it had is forgotten."""

    async def unmount() -> None:
        (tmp_path / "docker").rename(tmp_path / "elsewhere")

    with pytest.raises(BackendUnavailableError, match="no registry's tree"):
        await different.walk(fix=True, source=Hooked(different.source, {moment: unmount}))
    (tmp_path / "elsewhere").rename(tmp_path / "docker")
    told, _ = await different.walk()
    assert sum(difference.kind is Kind.MISSING for difference in told) == 2 * KINDS


async def test_cache_is_gone(own_server: RedisServer, tmp_path: Path) -> None:
    """A cache that cannot be reached in the middle of a walk ends it with that error."""
    async with RedisCache(own_server.url) as cache:
        world = World(Tree(tmp_path.as_uri()), cache)
        await world.layer("x", b"kept")
        await world.stale("x", b"stale")

        async def kill() -> None:
            own_server.kill()

        with pytest.raises(BackendUnavailableError):
            await world.walk(fix=True, source=Hooked(world.source, {"before blobs 1": kill}))


async def test_listener_that_fails(different: World) -> None:
    """An error of who is told ends the walk as itself."""

    def refuse(_: object) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await Reconciler(different.cache, different.source, on_difference=refuse).run(CTX)


# ---- how much at a time


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_concurrency(world: World, concurrency: int) -> None:
    """The source is asked no more at a time than was allowed, and as much if there is enough to ask."""
    running, most = 0, 0

    class Counting:
        """A source that has nothing, cannot be listed, and counts who asks at a time."""

        async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1
            return False

        async def meta(self, ctx: Context, dgst: str) -> None:
            raise AssertionError

    for number in range(10):
        await world.cache.add(CTX, f"x/{number}", "sha256:" + "0" * 64)
    reconciler = Reconciler(world.cache, Counting(), concurrency=concurrency)  # type: ignore[arg-type]  # no meta
    assert (await reconciler.run(CTX)).stale == 10
    assert most == concurrency
