"""Waiting for the states of a link."""

import asyncio

PATIENCE = 30.0  # seconds after which a state that should come has not


class Ups:
    """Is told of the states of a link, counts how often it came up, and waits for the next time."""

    def __init__(self) -> None:
        self.count = 0
        self.is_up = False
        self._changed = asyncio.Event()

    def __call__(self, is_up: bool) -> None:
        self.count += is_up
        self.is_up = is_up
        self._changed.set()

    async def until(self, count: int) -> None:
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
