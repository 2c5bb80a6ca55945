"""The brackets around what changes the storage: announce, let it happen, confirm.

    1  begin: the key is cleared, a closing marker lies in its lease's place
    2  the body deletes from the storage
    3  end: the key is cleared again, the marker is dropped

Step 1 without step 3 would leave what was filled in between by a lease that
was older than the marker; step 3 without step 1, an acknowledged "no" that a
crash of this process keeps from the cache. So step 3 runs however the body
ended, shielded from cancellation, under a time limit of its own.

A body that did not return says nothing of the storage, which may still delete:

    1  remover: enters, asks the storage to delete, is cancelled
    2  remover: clears, drops its marker
    3  reader: miss, takes a lease, asks the storage: "yes", fills
    4  the storage deletes                          <- "yes", for ever

So such a body's end leaves a hold in place of the marker, which lasts from then on
for as long as a marker would. No other bracket takes it away or shortens it: the
body of a second one may return at once, and the first deletion still come.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from layercache.backend import Backend
from layercache.context import Context
from layercache.errors import BackendError, ContextError
from layercache.loops import running_loop
from layercache.shield import finish

CLOSING_SECONDS = 5.0  # How long the end of a bracket may take.
HOLD_SECONDS = 60.0  # What a backend's `closing_seconds` is by default.


@asynccontextmanager
async def closing(ctx: Context, backend: Backend, repo: str | None, dgst: str) -> AsyncIterator[None]:
    """Announce a removal from *repo*, or of the meta if that is None; run the body; end the removal.

    Outside of asyncio nothing is run, for the end could not be. An error of the
    announcement keeps the body from running. An error of the body is passed on,
    with that of the end, if there is one, as a note.
    """

    async def end_shielded(*, has_returned: bool) -> None:
        with ctx.without_cancel().with_timeout(CLOSING_SECONDS) as rest:
            await finish(backend._end_closing(rest, repo, dgst, marker, has_returned=has_returned))

    running_loop()
    marker = await backend._begin_closing(ctx, repo, dgst)
    try:
        yield
    except BaseException as error:
        try:
            await end_shielded(has_returned=False)
        except (BackendError, ContextError) as second:
            error.add_note(
                "and the cache could not be cleared after it, nor a hold placed, so only what remains of the"
                f" removal marker's time keeps readers from filling it: {second}"
            )
        raise
    await end_shielded(has_returned=True)
