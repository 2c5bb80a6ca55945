"""What must be finished once it was begun."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

import anyio

from layercache.context.loops import running_loop
from layercache.errors import BackendUnavailableError, EventLoopError

T = TypeVar("T")


async def finish(coroutine: Coroutine[object, object, T]) -> T:
    """Await *coroutine* to its end, even if the task that waits is cancelled meanwhile.

    The cancellation is passed on afterwards, and then hides what the coroutine
    returned or raised. The anyio scope keeps anyio from repeating its own at
    every turn of the loop; a native `task.cancel()` goes through it.

    Nor does the end of `asyncio.run` end it, which cancels all tasks that asyncio
    knows of: the task of *coroutine* is none of these, and is awaited here.

    Raises:
        EventLoopError: No loop of asyncio runs; *coroutine* is closed.
        BackendUnavailableError: What was to be finished was itself cancelled, as
            a loop does it to all its tasks, and the task that waits was not.
    """
    try:
        loop = running_loop()
    except EventLoopError:
        coroutine.close()
        raise
    task = loop.create_task(coroutine)
    asyncio.tasks._unregister_task(task)  # of asyncio's page "Extending"
    interruption: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                interruption = error
    if interruption is not None:
        if not task.cancelled():
            task.exception()  # Looked at, so that asyncio does not report it.
        raise interruption
    if task.cancelled():
        raise BackendUnavailableError("cancelled before it was finished, and not by who waits for it")
    return task.result()
