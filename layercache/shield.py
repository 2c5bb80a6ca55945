"""What must be finished once it was begun."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

import anyio

from layercache.errors import BackendUnavailableError

T = TypeVar("T")


async def finish(coroutine: Coroutine[object, object, T]) -> T:
    """Await *coroutine* to its end, even if the task that waits is cancelled meanwhile.

    The cancellation is passed on afterwards, and then hides what the coroutine
    returned or raised. The anyio scope keeps anyio from repeating its own at
    every turn of the loop; a native `task.cancel()` goes through it.

    Raises:
        BackendUnavailableError: What was to be finished was itself cancelled, as
            a loop does it to all its tasks, and the task that waits was not.
    """
    task = asyncio.ensure_future(coroutine)
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
