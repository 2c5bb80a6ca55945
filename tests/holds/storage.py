"""A storage that deletes after whoever asked has left, and the ways in which one leaves."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Self

import anyio

from layercache import Context, ContextError, background
from layercache.testing import SlowSource

CTX = background()
SOON = 0.01  # seconds

Bracket = Callable[[Context], AbstractAsyncContextManager[None]]


class LateStorage(SlowSource):
    """Deletes in a thread, and not before the block of it is left.

    Attributes:
        begun: Set when the thread runs.
        deleted: Set when it has deleted.
    """

    def __init__(self, effect: Callable[["LateStorage"], None]) -> None:
        """Have a deletion be the *effect* on this storage."""
        super().__init__()
        self.begun = asyncio.Event()
        self.deleted = asyncio.Event()
        self._effect = effect
        self._let = threading.Event()

    async def delete_late(self) -> None:
        """Delete as a handler does whose storage blocks."""
        await asyncio.to_thread(self._delete, asyncio.get_running_loop())

    def _delete(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_soon_threadsafe(self.begun.set)
        self._let.wait()
        self._effect(self)
        loop.call_soon_threadsafe(self.deleted.set)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let it delete, and return when it has."""
        self._let.set()
        await self.deleted.wait()


async def is_cancelled(bracket: Bracket, storage: LateStorage) -> None:
    """The task is cancelled, as by a client that hangs up."""

    async def remove() -> None:
        async with bracket(CTX):
            await storage.delete_late()

    task = asyncio.create_task(remove())
    await storage.begun.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def is_out_of_context(bracket: Bracket, storage: LateStorage) -> None:
    """The context is cancelled, and with it what is awaited under it."""

    async def remove(ctx: Context) -> None:
        async with bracket(ctx):
            await ctx.run(storage.delete_late())

    with CTX.with_cancel() as ctx:
        task = asyncio.create_task(remove(ctx))
        await storage.begun.wait()
        ctx.cancel()
        with suppress(ContextError):
            await task


async def is_past_its_deadline(bracket: Bracket, storage: LateStorage) -> None:
    """The context of the call to the storage has too little time."""
    with suppress(ContextError):
        async with bracket(CTX):
            with CTX.with_timeout(SOON) as ctx:
                await ctx.run(storage.delete_late())


async def is_timed_out(bracket: Bracket, storage: LateStorage) -> None:
    """A timeout of asyncio ends the call to the storage."""
    with suppress(TimeoutError):
        async with bracket(CTX), asyncio.timeout(SOON):
            await storage.delete_late()


async def is_out_of_scope(bracket: Bracket, storage: LateStorage) -> None:
    """A cancel scope of anyio around the bracket is cancelled."""
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks, bracket(CTX):
            tasks.start_soon(_cancel, scope, storage)
            await anyio.to_thread.run_sync(
                storage._delete, asyncio.get_running_loop(), abandon_on_cancel=True
            )


async def _cancel(scope: anyio.CancelScope, storage: LateStorage) -> None:
    await storage.begun.wait()
    scope.cancel()


async def fails(bracket: Bracket, storage: LateStorage) -> None:
    """The reply of the storage is lost, and the request is not."""
    with suppress(OSError):
        async with bracket(CTX):
            asyncio.get_running_loop().run_in_executor(None, storage._delete, asyncio.get_running_loop())
            raise OSError("the reply was lost")


async def is_a_closed_generator(bracket: Bracket, storage: LateStorage) -> None:
    """The bracket is in an async generator, which is closed."""
    deleting = _deleting(bracket, storage)
    await anext(deleting)
    await deleting.aclose()  # type: ignore[attr-defined]  # an async iterator may be no generator


async def is_an_abandoned_generator(bracket: Bracket, storage: LateStorage) -> None:
    """The bracket is in an async generator, of which nobody asks more."""
    before = asyncio.all_tasks()
    deleting = _deleting(bracket, storage)
    await anext(deleting)
    del deleting
    gc.collect()
    await asyncio.sleep(0)
    await asyncio.wait(asyncio.all_tasks() - before)


async def _deleting(bracket: Bracket, storage: LateStorage) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    async with bracket(CTX):
        loop.run_in_executor(None, storage._delete, loop)
        yield


Way = Callable[[Bracket, LateStorage], Awaitable[None]]
WAYS: tuple[Way, ...] = (
    is_cancelled,
    is_out_of_context,
    is_past_its_deadline,
    is_timed_out,
    is_out_of_scope,
    fails,
    is_a_closed_generator,
    is_an_abandoned_generator,
)
