"""The brackets around what changes the storage: announce, let it happen, confirm.

    1  begin: the key is cleared, a closing marker lies in its lease's place
    2  the body deletes from the storage
    3  end: the key is cleared again, the marker is dropped

Step 1 without step 3 would leave what was filled in between by a lease that
was older than the marker; step 3 without step 1, an acknowledged "no" that a
crash of this process keeps from the cache. So step 3 runs however the body
ended, shielded from cancellation, under a time limit of its own.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager

from layercache.context import Context
from layercache.errors import BackendError, ContextError
from layercache.loops import running_loop
from layercache.shield import finish

CLOSING_SECONDS = 5.0  # How long the end of a bracket may take.


@asynccontextmanager
async def closing(
    ctx: Context,
    begin: Callable[[Context], Awaitable[str]],
    end: Callable[[Context, str], Coroutine[object, object, None]],
) -> AsyncIterator[None]:
    """Run *begin*, the body, and then *end* with the marker that *begin* returned.

    Outside of asyncio neither is run, for the end could not be. An error of
    *begin* keeps the body from running. An error of the body is passed on, with
    that of *end*, if there is one, as a note.
    """

    async def end_shielded() -> None:
        with ctx.without_cancel().with_timeout(CLOSING_SECONDS) as rest:
            await finish(end(rest, marker))

    running_loop()
    marker = await begin(ctx)
    try:
        yield
    except BaseException as error:
        try:
            await end_shielded()
        except (BackendError, ContextError) as second:
            error.add_note(f"and the cache could not be cleared after it: {second}")
        raise
    await end_shielded()
