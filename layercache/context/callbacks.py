"""Callback: a function that is called once, in the turn of the loop after a context has ended."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from layercache.context.lifetime import Failable
from layercache.context.loops import running_loop


class Endable(Protocol):
    """What a callback needs of a context."""

    def err(self) -> Exception | None:
        """Why it has ended; None while it has not."""

    def bind(self, future: Failable) -> None:
        """Have *future* fail when it ends."""


class Callback:
    """A function that waits for the end of a context."""

    def __init__(self, ctx: Endable, function: Callable[[], object]) -> None:
        """Have *function* called when *ctx* ends; if it has ended, in the next turn."""
        self._function: Callable[[], object] | None = function
        self._ended: asyncio.Future[None] = running_loop().create_future()
        self._ended.add_done_callback(self._run)
        ctx.err()  # A deadline that has passed unseen is an end, too.
        ctx.bind(self._ended)

    def stop(self) -> bool:
        """Take the order back; whether that was in time."""
        was_in_time = self._function is not None
        self._function = None
        self._ended.cancel()
        return was_in_time

    def _run(self, ended: "asyncio.Future[None]") -> None:
        if not ended.cancelled():
            ended.exception()  # Looked at, so that asyncio does not report it.
        function, self._function = self._function, None
        if function is not None:
            function()
