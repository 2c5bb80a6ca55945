"""`finish` completes what it awaits, and loses no cancellation."""

import asyncio

import anyio
import anyio.lowlevel
import pytest

from layercache.context.shield import finish
from layercache.errors import BackendUnavailableError
from tests.context.manual import turns


class Work:
    """Ends when the test sets `end`."""

    def __init__(self) -> None:
        self.end: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.is_done = False

    async def run(self) -> str:
        answer = await self.end
        self.is_done = True
        return answer


async def test_it_returns_or_raises_what_the_work_does() -> None:
    """Without a cancellation, `finish` is an await."""
    work = Work()
    work.end.set_result("done")
    assert await finish(work.run()) == "done"
    failing = Work()
    failing.end.set_exception(OSError("no"))
    with pytest.raises(OSError, match="no"):
        await finish(failing.run())


@pytest.mark.parametrize("times", [1, 3])
async def test_a_cancellation_waits_for_the_work(times: int) -> None:
    """However often the task is cancelled, the work ends first, and then the cancellation is raised."""
    work = Work()
    task = asyncio.ensure_future(finish(work.run()))
    for _ in range(times):
        await turns()
        task.cancel()
    await turns()
    assert not task.done()
    work.end.set_result("done")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.is_done


async def test_an_error_of_the_work_does_not_hide_a_cancellation() -> None:
    """A cancelled task ends as cancelled, even if the work that it waited for failed."""
    work = Work()
    task = asyncio.ensure_future(finish(work.run()))
    await turns()
    task.cancel()
    await turns()
    work.end.set_exception(OSError("no"))
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_anyio_scope_waits_too() -> None:
    """A cancelled anyio scope is left only after the work has ended."""
    work = Work()

    async def cancel_then_end(scope: anyio.CancelScope) -> None:
        scope.cancel()
        await turns(20)
        work.end.set_result("done")

    with anyio.CancelScope() as scope:
        ending = asyncio.ensure_future(cancel_then_end(scope))
        await finish(work.run())
        await anyio.sleep(0)
    assert scope.cancelled_caught
    assert work.is_done
    await ending


async def test_work_that_cancels_itself_is_an_error() -> None:
    """If the work raises CancelledError by itself, the task that waits gets a `BackendUnavailableError`."""

    async def give_up() -> None:
        await asyncio.sleep(0)
        raise asyncio.CancelledError

    with pytest.raises(BackendUnavailableError):
        await finish(give_up())


async def test_work_goes_on_when_all_tasks_are_cancelled() -> None:
    """The end of `asyncio.run`, which cancels all tasks, cancels the task that waits, and not the work."""
    work, before = Work(), asyncio.all_tasks()
    waiting = asyncio.ensure_future(finish(work.run()))
    await turns()
    for task in asyncio.all_tasks() - before:
        task.cancel()
    await turns()
    work.end.set_result("done")
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert work.is_done
