"""Several tasks that stand and fall together, and some that run ahead."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable
from typing import TypeVar

from layercache.context.shield import finish

A = TypeVar("A")
T = TypeVar("T")


async def together(*coroutines: Coroutine[object, object, None]) -> None:
    """Run all; the first that fails ends the others, and is raised once they have ended."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        await asyncio.gather(*tasks)
    finally:
        await _end(tasks)


async def for_each(function: Callable[[A], Awaitable[None]], items: Iterable[A], width: int) -> None:
    """Call *function* with each of *items*, *width* at a time; it fails as `together` does."""
    rest = iter(items)

    async def work() -> None:
        for item in rest:
            await function(item)

    await together(*(work() for _ in range(width)))


async def ahead(
    function: Callable[[A], Coroutine[object, object, T]], items: Iterable[A], width: int
) -> AsyncGenerator[tuple[A, T], None]:
    """Yield each of *items* and what *function* makes of it, in their order, up to *width* ahead.

    To be closed by who does not take all.
    """
    tasks: deque[tuple[A, asyncio.Task[T]]] = deque()
    try:
        for item in items:
            tasks.append((item, asyncio.ensure_future(function(item))))
            if len(tasks) > width:
                first, task = tasks.popleft()
                yield first, await task
        while tasks:
            first, task = tasks.popleft()
            yield first, await task
    finally:
        await _end([task for _, task in tasks])


async def _end(tasks: list[asyncio.Task[T]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await finish(_outcomes(tasks))


async def _outcomes(tasks: list[asyncio.Task[T]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)  # Looked at, so that asyncio does not report them.
