"""Bodies of requests, which have to come, and not only to be announced."""

import asyncio
import time
from collections.abc import AsyncIterator

from layercache.oci import OCIError

SILENT_SECONDS = 30.0
SLOWEST = 1024  # bytes per second


async def arriving(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Give *chunks* on, if they come.

    A body may be waited for `SILENT_SECONDS`, and what comes of it buys back the time in which it would have
    come at the slowest rate. So neither silence nor a byte now and then holds a connection for ever.

    Raises:
        OCIError: It stalls; the connection is closed, for the rest may come when nobody reads it.
    """
    patience = SILENT_SECONDS
    while True:
        begin = time.monotonic()
        try:
            async with asyncio.timeout(patience):
                chunk = await anext(chunks, None)
        except TimeoutError:
            message = f"the body stalls: less than {SLOWEST} bytes a second for {SILENT_SECONDS:g} seconds"
            raise OCIError(408, "SIZE_INVALID", message, {"Connection": "close"}) from None
        if chunk is None:
            return
        waited = time.monotonic() - begin
        patience = min(SILENT_SECONDS, patience - waited + len(chunk) / SLOWEST)
        yield chunk
