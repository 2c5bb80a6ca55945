"""What was begun over a link, and must be ended over it before it is closed.

At the end of `asyncio.run`, all tasks are cancelled at once: the one that is in
the body of a `removing`, whose end is then to be sent, and the one that keeps
the connection over which. The same happens when a server gives up its handlers
and closes the cache in the next line. So whoever closes waits for the ends, for
as long as one may take.
"""

import asyncio
from contextlib import suppress

from layercache.removal import END_SECONDS


class OpenBrackets:
    """The removals that one cache has announced and not yet ended."""

    def __init__(self) -> None:
        self._markers: set[str] = set()
        self._none = asyncio.Event()

    def begin(self, marker: str) -> None:
        """The removal of *marker* was announced."""
        self._markers.add(marker)
        self._none.clear()

    def end(self, marker: str) -> None:
        """The end of *marker* was sent, or failed; harmless if it is no longer known."""
        self._markers.discard(marker)
        if not self._markers:
            self._none.set()

    async def ended(self) -> None:
        """Return when all have ended, or as much later as an end may take."""
        if self._markers:
            with suppress(TimeoutError):
                async with asyncio.timeout(END_SECONDS):
                    await self._none.wait()
