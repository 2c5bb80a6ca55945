"""Tasks that stand and fall together."""

import asyncio
from contextlib import aclosing

import pytest

from layercache.context.together import ahead, for_each, together


class Nap:
    """A wait that ends only when it is cancelled, and then after another turn."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.ended = False

    async def take(self) -> None:
        """Begin it."""
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.ended = True


async def failing(after: asyncio.Event) -> None:
    """Fail once something has happened."""
    await after.wait()
    raise LookupError


async def test_first_failure_ends_all() -> None:
    """When one fails, the others have ended by the time that the error arrives."""
    nap = Nap()
    with pytest.raises(LookupError):
        await together(nap.take(), failing(nap.began))
    assert nap.ended


async def test_cancellation_ends_all() -> None:
    """When the waiting is cancelled, all have ended by the time that this arrives."""
    nap = Nap()
    task = asyncio.create_task(together(nap.take()))
    await nap.began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert nap.ended


async def test_for_each_is_bounded() -> None:
    """Each item is worked on once, and no more at a time than was asked for."""
    done: list[int] = []
    running, most = 0, 0

    async def work(item: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        done.append(item)

    await for_each(work, range(20), 3)
    assert sorted(done) == list(range(20))
    assert most == 3


async def test_ahead_keeps_the_order() -> None:
    """What is made of the items comes in their order, however long each took."""
    gates = [asyncio.Event() for _ in range(4)]

    async def make(item: int) -> int:
        await gates[item].wait()
        return item * item

    for gate in reversed(gates):
        gate.set()
    assert [pair async for pair in ahead(make, range(4), 2)] == [(0, 0), (1, 1), (2, 4), (3, 9)]


async def test_ahead_is_bounded() -> None:
    """No more is begun than was asked for, beside what is waited for."""
    begun: list[int] = []

    async def make(item: int) -> None:
        begun.append(item)
        await asyncio.sleep(0)

    async with aclosing(ahead(make, range(10), 2)) as made:
        await anext(made)
        assert begun == [0, 1, 2]


async def test_ahead_leaves_nothing_behind() -> None:
    """Who stops early leaves no task running."""
    naps = [Nap() for _ in range(3)]

    async def make(item: int) -> None:
        if item:
            await naps[item].take()

    async with aclosing(ahead(make, range(3), 2)) as made:
        await anext(made)
        await naps[2].began.wait()
    assert naps[1].ended
    assert naps[2].ended


async def test_failure_ahead_waits_for_its_turn() -> None:
    """An error comes when its item is due, and not before."""

    async def make(item: int) -> int:
        if item:
            raise LookupError
        return item

    async with aclosing(ahead(make, range(3), 2)) as made:
        assert await anext(made) == (0, 0)
        with pytest.raises(LookupError):
            await anext(made)
