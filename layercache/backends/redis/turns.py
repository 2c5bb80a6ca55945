"""Turns: the bulk forms share the connection with everybody else.

A bulk form asks about any number of layers, and the server answers commands in
their order. Were it sent as a whole, everybody else would wait behind it, or
hear that too many commands wait, and its reply could be more than the server
lets wait for one client, who then loses the connection. So it is cut into bursts
of `BURST` layers, each sent when the one before was answered, and all callers
together have `ROOM` layers on their way: one burst is answered while the next
travels. Those for whom there is no room wait, first come, first served.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

from layercache.context import Context

BURST = 1_000  # layers, far below what a wire lets wait
ROOM = 2 * BURST  # layers


def bursts(dgsts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut *dgsts* into parts that are asked about at once."""
    return (dgsts[start : start + BURST] for start in range(0, len(dgsts), BURST))


class Turns:
    """Gives out the room that there is for layers that are asked about in bulk."""

    def __init__(self) -> None:
        self._free = ROOM
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def of(self, ctx: Context, size: int) -> AsyncIterator[None]:
        """Run the body when there is room for *size* layers, at most `BURST`.

        Raises:
            ContextError: *ctx* ended first.
        """
        if self._waiting or size > self._free:
            await self._wait(ctx, size)
        else:
            self._free -= size
        try:
            yield
        finally:
            self._give_back(size)

    async def _wait(self, ctx: Context, size: int) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        ctx.bind(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._give_back(size)  # It came in the turn of the loop in which its task was cancelled.
            else:
                self._waiting.remove((size, turn))
                self._give_back(0)  # Those behind it may need less.
            raise

    def _give_back(self, size: int) -> None:
        self._free += size
        while self._waiting and self._waiting[0][0] <= self._free:
            size, turn = self._waiting.popleft()
            if not turn.done():
                self._free -= size
                turn.set_result(None)
