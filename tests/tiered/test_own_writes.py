"""Who writes reads what he wrote: what is near of it ends by hand, for the push comes after the reply.

Version 1 comes from near, version 2 from the server.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from layercache import BackendError, LayerInfoCache, Lease
from tests.tiered.questions import CONTAINS, META, Question, at_the_door_or_in_a_place
from tests.tiered.stage import CTX, DGST, REPO, Stage, meta, turns

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


async def answered(stage: Stage, writing: Awaitable[object], reply: bytes = b":1\r\n") -> None:
    """Return when *writing* has, each of its commands answered by *reply*."""
    count = len(stage.written())
    task = asyncio.ensure_future(writing)
    while not task.done():
        await turns()
        sent, count = len(stage.written()) - count, len(stage.written())
        stage.say(reply * sent)
    await task


@at_the_door_or_in_a_place
@for_each_write
async def test_what_we_wrote_is_read(stage: Stage, write: Write, question: Question, times: int) -> None:
    """Who was told that it is written reads it, though the push has not come yet."""
    await question.bring_near(stage, times)
    await answered(stage, write(stage.cache))
    assert await question.as_oci_error(stage, 2) == 2


@for_each_write
async def test_a_reader_that_we_overtook_keeps_nothing(
    stage: Stage, write: Write, question: Question
) -> None:
    """A reply from before our write is not kept if its task goes on after that of the write, or before."""
    reader = await stage.asking(question.ask(stage.cache))
    stage.say(question.reply(1))
    await answered(stage, write(stage.cache))
    assert await reader == 1
    assert await question.as_oci_error(stage, 2) == 2


@at_the_door_or_in_a_place
@for_each_write
async def test_a_write_that_fails_may_have_been_done(
    stage: Stage, write: Write, question: Question, times: int
) -> None:
    """After an error nothing of what was to be written is near."""
    await question.bring_near(stage, times)
    with pytest.raises(BackendError):
        await answered(stage, write(stage.cache), b"-OOM command not allowed\r\n")
    assert await question.as_oci_error(stage, 2) == 2


@at_the_door_or_in_a_place
@for_each_write
async def test_a_write_that_is_cancelled_may_have_been_done(
    stage: Stage, write: Write, question: Question, times: int
) -> None:
    """Of what was to be written nothing is near once its task is cancelled, for it was sent."""
    await question.bring_near(stage, times)
    count = len(stage.written())
    task = asyncio.ensure_future(write(stage.cache))
    await turns()
    sent = len(stage.written()) - count
    assert sent, "it waits for the reply"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stage.say(b":1\r\n" * sent)
    assert await question.as_oci_error(stage, 2) == 2


@at_the_door_or_in_a_place
@pytest.mark.parametrize(
    ("bracket", "question"), [(removing, CONTAINS), (forgetting, META)], ids=["removing", "forgetting"]
)
async def test_what_came_near_in_a_bracket(
    stage: Stage, bracket: Bracket, question: Question, times: int
) -> None:
    """What a reader was told between the begin of a removal and its end is not near after it."""
    removal = bracket(stage.cache)
    await answered(stage, removal.__aenter__())
    await question.bring_near(stage, times)
    await answered(stage, removal.__aexit__(None, None, None))
    assert await question.as_oci_error(stage, 2) == 2
