"""The questions that may be answered near, each with the server's reply to it, in versions of the layer.

A set has two versions only: in 1 the repository has the layer, in 2 not.
"""

from collections.abc import Callable, Coroutine
from typing import NamedTuple

import pytest

from layercache import LayerInfoCache
from layercache.forwarding import ForwardingBackend
from tests.near.simulated import CTX, DGST, FLUSHED, HASH, REPO, SET, NearSetup, changed, fields_of

# ---- the answers, as versions


async def contains(cache: LayerInfoCache) -> int:
    return 1 if await cache.contains(CTX, REPO, DGST) else 2


async def contains_many(cache: LayerInfoCache) -> int:
    return 1 if await cache.contains_many(CTX, REPO, [DGST]) == [True] else 2


async def meta(cache: LayerInfoCache) -> int:
    return (await cache.meta(CTX, DGST)).length


async def stat(cache: LayerInfoCache) -> int:
    return (await cache.stat(CTX, REPO, DGST)).length


async def stat_many(cache: LayerInfoCache) -> int:
    (found,) = await cache.stat_many(CTX, REPO, [DGST])
    assert found is not None
    return found.length


# ---- the replies to them


def member(version: int) -> bytes:
    return b":%d\r\n" % (version == 1)


def members(version: int) -> bytes:
    return b"*1\r\n" + member(version)


class Question(NamedTuple):
    """One way to ask for the layer.

    Attributes:
        ask: Asks it of a cache, and returns the version in the answer.
        reply: The server's reply to it in a version.
        keys: Those that the answer depends on.
    """

    ask: Callable[[LayerInfoCache], Coroutine[object, object, int]]
    reply: Callable[[int], bytes]
    keys: tuple[str, ...]

    async def answer(self, setup: NearSetup, version: int) -> int:
        """The version in the answer; the server, if it is asked, sends *version*."""
        return await setup.answer(self.ask, self.reply(version))

    async def bring_near(self, setup: NearSetup, times: int) -> None:
        """Have it answered *times* in version 1, by the server only the first time."""
        for time in range(times):
            assert await self.answer(setup, 1 if time == 0 else 2) == 1


CONTAINS = Question(contains, member, (SET,))
META = Question(meta, fields_of, (HASH,))
STAT = Question(stat, lambda version: fields_of(version) + b":1\r\n", (SET, HASH))


def without_peek(question: Question) -> Question:
    """*question*, asked through a backend without a peek, so that the near backend's method answers."""
    return question._replace(ask=lambda cache: question.ask(LayerInfoCache(ForwardingBackend(cache.backend))))


QUESTIONS = {
    "contains": CONTAINS,
    "meta": META,
    "stat": STAT,
    "contains_many": Question(contains_many, members, (SET,)),
    "stat_many": Question(stat_many, lambda version: fields_of(version) + b"*1\r\n:1\r\n", (SET, HASH)),
    "contains without peek": without_peek(CONTAINS),
    "meta without peek": without_peek(META),
    "stat without peek": without_peek(STAT),
}

CHANGES: dict[str, tuple[str, ...]] = {
    "set": (SET,),
    "hash": (HASH,),
    "two keys": ("blobs::other", HASH),
    "flush": (),
}


def push_of(keys: tuple[str, ...]) -> bytes:
    """The push of a change of *keys*, or of everything."""
    return changed(*keys) if keys else FLUSHED


for_each_question = pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)

# What was asked for once waits in the admission buffer; what was asked for twice has an entry in the table.
in_buffer_or_table = pytest.mark.parametrize("times", [1, 2], ids=["buffer", "table"])

for_each_question_and_its_changes = pytest.mark.parametrize(
    ("question", "push"),
    [
        pytest.param(question, push_of(keys), id=f"{name}-{change}")
        for name, question in QUESTIONS.items()
        for change, keys in CHANGES.items()
        if not keys or set(keys) & set(question.keys)
    ],
)
