"""The connection events of a link: a test waits for them."""

import asyncio

PATIENCE = 30.0  # seconds after which a state that should come has not


class ConnectionEvents:
    """Counts how often a link came up, and waits for the next time; give it to the link as `on_state`."""

    def __init__(self) -> None:
        self.count = 0
        self.is_up = False
        self._changed = asyncio.Event()

    def __call__(self, is_up: bool) -> None:
        self.count += is_up
        self.is_up = is_up
        self._changed.set()

    async def until_up(self, count: int) -> None:
        """Return when the link has come up *count* times."""
        async with asyncio.timeout(PATIENCE):
            while self.count < count:
                self._changed.clear()
                await self._changed.wait()

    async def until_down(self) -> None:
        """Return when the link is lost."""
        async with asyncio.timeout(PATIENCE):
            while self.is_up:
                self._changed.clear()
                await self._changed.wait()
