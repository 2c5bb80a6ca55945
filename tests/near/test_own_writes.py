"""A writer reads what it wrote: the near backend voids it, for the push comes after the reply.

Version 1 comes from near, version 2 from the server.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from layercache import BackendError, LayerInfoCache, Lease
from tests.near.questions import CONTAINS, META, Question, in_buffer_or_table
from tests.near.simulated import CTX, DGST, REPO, NearSetup, meta, turns

Write = Callable[[LayerInfoCache], Awaitable[object]]
Bracket = Callable[[LayerInfoCache], AbstractAsyncContextManager[None]]


def removing(cache: LayerInfoCache) -> AbstractAsyncContextManager[None]:
    return cache.removing(CTX, REPO, DGST)


def forgetting(cache: LayerInfoCache) -> AbstractAsyncContextManager[None]:
    return cache.forgetting(CTX, DGST)


async def around_nothing(bracket: AbstractAsyncContextManager[None]) -> None:
    async with bracket:
        pass


# Each write, and the questions of one key whose answers it changes.
WRITES: dict[str, tuple[Write, list[Question]]] = {
    "add": (lambda cache: cache.add(CTX, REPO, DGST), [CONTAINS]),
    "set_meta": (lambda cache: cache.set_meta(CTX, DGST, meta(2)), [META]),
    "put": (lambda cache: cache.put(CTX, REPO, DGST, meta(2)), [CONTAINS, META]),
    "remove": (lambda cache: cache.remove(CTX, REPO, DGST), [CONTAINS]),
    "forget": (lambda cache: cache.forget(CTX, DGST), [META]),
    "fill": (lambda cache: cache.fill(CTX, Lease(REPO, DGST, "token", "token"), meta(2)), [CONTAINS, META]),
    "fill of a meta": (lambda cache: cache.fill(CTX, Lease(None, DGST, "", "token"), meta(2)), [META]),
    "removing": (lambda cache: around_nothing(removing(cache)), [CONTAINS]),
    "forgetting": (lambda cache: around_nothing(forgetting(cache)), [META]),
}

for_each_write = pytest.mark.parametrize(
    ("write", "question"),
    [
        pytest.param(write, question, id=f"{name}-{'set' if question is CONTAINS else 'hash'}")
        for name, (write, questions) in WRITES.items()
        for question in questions
    ],
)


async def answered(setup: NearSetup, writing: Awaitable[object], reply: bytes = b":1\r\n") -> None:
    """Return when *writing* has, each of its commands answered by *reply*."""
    count = len(setup.written())
    task = asyncio.ensure_future(writing)
    while not task.done():
        await turns()
        sent, count = len(setup.written()) - count, len(setup.written())
        setup.send(reply * sent)
    await task


@in_buffer_or_table
@for_each_write
async def test_what_we_wrote_is_read(setup: NearSetup, write: Write, question: Question, times: int) -> None:
    """Once a write has returned it is read, though the push has not come yet."""
    await question.bring_near(setup, times)
    await answered(setup, write(setup.cache))
    assert await question.answer(setup, 2) == 2


@for_each_write
async def test_a_reader_that_we_overtook_keeps_nothing(
    setup: NearSetup, write: Write, question: Question
) -> None:
    """A reply from before our write is not kept if its task goes on after that of the write, or before."""
    reader = await setup.start(question.ask(setup.cache))
    setup.send(question.reply(1))
    await answered(setup, write(setup.cache))
    assert await reader == 1
    assert await question.answer(setup, 2) == 2


@in_buffer_or_table
@for_each_write
async def test_a_write_that_fails_may_have_been_done(
    setup: NearSetup, write: Write, question: Question, times: int
) -> None:
    """After an error nothing of what was to be written is near."""
    await question.bring_near(setup, times)
    with pytest.raises(BackendError):
        await answered(setup, write(setup.cache), b"-OOM command not allowed\r\n")
    assert await question.answer(setup, 2) == 2


@in_buffer_or_table
@for_each_write
async def test_a_write_that_is_cancelled_may_have_been_done(
    setup: NearSetup, write: Write, question: Question, times: int
) -> None:
    """Of what was to be written nothing is near once its task is cancelled, for it was sent."""
    await question.bring_near(setup, times)
    count = len(setup.written())
    task = asyncio.ensure_future(write(setup.cache))
    await turns()
    sent = len(setup.written()) - count
    assert sent, "it waits for the reply"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    setup.send(b":1\r\n" * sent)
    assert await question.answer(setup, 2) == 2


@in_buffer_or_table
@pytest.mark.parametrize(
    ("bracket", "question"), [(removing, CONTAINS), (forgetting, META)], ids=["removing", "forgetting"]
)
async def test_what_came_near_in_a_bracket(
    setup: NearSetup, bracket: Bracket, question: Question, times: int
) -> None:
    """What a reader got between the begin of a removal and its end is not near after it."""
    removal = bracket(setup.cache)
    await answered(setup, removal.__aenter__())
    await question.bring_near(setup, times)
    await answered(setup, removal.__aexit__(None, None, None))
    assert await question.answer(setup, 2) == 2
