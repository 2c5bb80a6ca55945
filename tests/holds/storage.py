"""A storage that deletes after its caller has left, and the ways in which a removal is interrupted."""

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
    """Deletes in a thread, when its `async with` block is left.

    Attributes:
        begun: Set when the thread has begun.
        deleted: Set when it has deleted.
    """

    def __init__(self, effect: Callable[["LateStorage"], None]) -> None:
        """Make a storage whose deletion is a call of *effect*."""
        super().__init__()
        self.begun = asyncio.Event()
        self.deleted = asyncio.Event()
        self._effect = effect
        self._may_delete = threading.Event()

    async def delete_late(self) -> None:
        """Delete as a handler does whose storage blocks."""
        await asyncio.to_thread(self.delete_in_thread, asyncio.get_running_loop())

    def delete_in_thread(self, loop: asyncio.AbstractEventLoop) -> None:
        """Delete once the block is left; *loop* is that of the caller."""
        loop.call_soon_threadsafe(self.begun.set)
        self._may_delete.wait()
        self._effect(self)
        loop.call_soon_threadsafe(self.deleted.set)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let the thread delete, and wait for it."""
        self._may_delete.set()
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
    """The context is cancelled, which cancels the call to the storage."""

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
    """The deadline of the call to the storage passes."""
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
                storage.delete_in_thread, asyncio.get_running_loop(), abandon_on_cancel=True
            )


async def _cancel(scope: anyio.CancelScope, storage: LateStorage) -> None:
    await storage.begun.wait()
    scope.cancel()


async def fails(bracket: Bracket, storage: LateStorage) -> None:
    """The reply of the storage is lost, and the request is not."""
    with suppress(OSError):
        async with bracket(CTX):
            asyncio.get_running_loop().run_in_executor(
                None, storage.delete_in_thread, asyncio.get_running_loop()
            )
            raise OSError("the reply was lost")


async def is_a_closed_generator(bracket: Bracket, storage: LateStorage) -> None:
    """The bracket is in an async generator, which is closed."""
    deleting = _deleting(bracket, storage)
    await anext(deleting)
    await deleting.aclose()  # type: ignore[attr-defined]  # an async iterator may be no generator


async def is_an_abandoned_generator(bracket: Bracket, storage: LateStorage) -> None:
    """The bracket is in an async generator, which is garbage-collected."""
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
        loop.run_in_executor(None, storage.delete_in_thread, loop)
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
