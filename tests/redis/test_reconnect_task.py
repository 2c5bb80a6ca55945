"""The task that keeps a wire up, when somebody cancels it who cancels all tasks."""

import asyncio

import pytest
from redis.backoff import ConstantBackoff
from tests.redis.tape import Opener

from layercache.errors import BackendUnavailableError
from tests.redis.conftest import MakeLink

NEVER = ConstantBackoff(3600)


async def cancel_all_others() -> None:
    """Do what the end of `asyncio.run` does, and test suites and shells do."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.wait(others)


async def test_the_next_who_asks_connects_anew(make_link: MakeLink) -> None:
    """A connection whose task was cancelled is closed, and the next who asks has another."""
    opener = Opener()
    link = make_link(opener)
    opener.succeed()
    first = await link.ready()
    await cancel_all_others()
    assert first.ended.done()
    assert await link.ready() is not first
    assert opener.attempts == 2


async def test_who_waits_is_not_forgotten(make_link: MakeLink) -> None:
    """Whoever waited for an attempt whose task was cancelled waits for the next, and gets its wire."""
    opener = Opener()
    link = make_link(opener)
    asking = [asyncio.ensure_future(link.ready()) for _ in range(3)]
    await asyncio.sleep(0)
    [keeper] = asyncio.all_tasks() - {asyncio.current_task(), *asking}
    keeper.cancel()
    opener.succeed()
    assert set(await asyncio.gather(*asking)) == {link.wire}


async def test_attempts_go_on_after_a_failure(make_link: MakeLink) -> None:
    """A task that is cancelled in its pause has a successor, which finds the server."""
    opener, up = Opener(), asyncio.Event()
    link = make_link(opener, backoff=NEVER, on_state=lambda _: up.set())
    opener.fail(OSError("refused"))
    with pytest.raises(BackendUnavailableError, match="refused"):
        await link.ready()
    await cancel_all_others()
    opener.succeed()
    with pytest.raises(BackendUnavailableError, match="refused"):
        await link.ready()  # which begins an attempt
    await up.wait()


async def test_a_closed_link_stays_closed(make_link: MakeLink) -> None:
    """After aclose nobody starts another."""
    opener = Opener()
    link = make_link(opener)
    opener.succeed()
    await link.ready()
    await link.aclose()
    with pytest.raises(BackendUnavailableError, match="closed"):
        await link.ready()
    assert opener.attempts == 1
