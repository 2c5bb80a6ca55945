"""Deletions that the storage carries out though whoever asked for them has left.

A body may be left before the storage has answered: its context ends, its task is
cancelled since the client hung up, the reply is lost. The deletion goes on, and is
logged as an operation of its own from then on. If a hold was placed, no yes is
right from the moment on at which the storage has deleted and the bracket was left,
as if that had been acknowledged then: its outcome is `LATE`. If none could be
placed, or the storage took longer than holds last, nothing is promised: `FAILED`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from random import Random

from layercache.context import Context
from tests.coherence.history import NEVER, Kind, Log, Operation, Outcome, Span, now
from tests.coherence.variants import CLOSING_SECONDS

LATENESS = 0.5 * CLOSING_SECONDS
LATE_SHARE = 0.2  # of all deletions
LOST_SHARE = 0.05  # of all replies
HOLD_LIFE = round(CLOSING_SECONDS * 1e9)  # nanoseconds


class LostReplyError(Exception):
    """The storage was asked to delete, and its answer did not come."""


class Touched:
    """A change that has begun, and when it touched its files."""

    blob: Span = NEVER
    link: Span = NEVER

    def __init__(self, begun: Operation) -> None:
        self.begun = begun

    def deleted(self, span: Span) -> Operation:
        """Take it that the file was deleted then; the change, as it is known now."""
        if self.begun.kind == Kind.SWEEP:
            self.blob = span
        else:
            self.link = span
        return self.begun.touched(self.blob, self.link)


class Deletions:
    """Those of one process."""

    def __init__(
        self, log: Log, chance: Random, pause: Callable[[], Awaitable[None]], *, is_late: bool
    ) -> None:
        """Have some take long, and the replies of some be lost, if *is_late*."""
        self._log = log
        self._chance = chance
        self._pause = pause
        self._late_share, self._lost_share = (LATE_SHARE, LOST_SHARE) if is_late else (0.0, 0.0)
        self._following: set[asyncio.Task[None]] = set()

    async def run(
        self,
        ctx: Context,
        bracket: AbstractAsyncContextManager[None],
        touched: Touched,
        delete: Callable[[], Span],
    ) -> None:
        """Have the storage *delete* in the *bracket*; what comes after its end is followed."""
        deletion: asyncio.Task[Span] | None = None
        interrupted = 0
        try:
            async with bracket:
                deletion = asyncio.create_task(self._carried_out(delete))
                try:
                    touched.deleted(await self._replied(ctx, deletion))
                except BaseException:
                    interrupted = now()
                    raise
        except BaseException as error:
            if deletion is not None and interrupted:
                begun = touched.begun._replace(number=self._log.next_number(), begin=interrupted)
                self._log.write(begun)
                self._follow(Touched(begun), deletion, is_held=not hasattr(error, "__notes__"))
            raise

    async def finish(self) -> None:
        """Return when the storage has deleted all that it was asked to."""
        while self._following:
            await asyncio.wait(self._following)

    async def _carried_out(self, delete: Callable[[], Span]) -> Span:
        await self._pause()
        if self._chance.random() < self._late_share:
            await asyncio.sleep(self._chance.random() * LATENESS)  # How late the storage is, is the fault.
        span = delete()
        await self._pause()
        return span

    async def _replied(self, ctx: Context, deletion: asyncio.Task[Span]) -> Span:
        if self._chance.random() < self._lost_share:
            await self._pause()
            raise LostReplyError
        return await ctx.run(asyncio.shield(deletion))

    def _follow(self, touched: Touched, deletion: asyncio.Task[Span], *, is_held: bool) -> None:
        following = asyncio.create_task(self._followed(touched, deletion, is_held=is_held))
        self._following.add(following)
        following.add_done_callback(self._following.discard)

    async def _followed(self, touched: Touched, deletion: asyncio.Task[Span], *, is_held: bool) -> None:
        span = await deletion
        is_promised = is_held and span.until - touched.begun.begin < HOLD_LIFE
        outcome = Outcome.LATE if is_promised else Outcome.FAILED
        self._log.write(touched.deleted(span)._replace(outcome=outcome, end=now()))
