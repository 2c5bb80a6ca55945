"""Each question by itself: when it may be answered near, and what ends that.

The rules are the same for all, and each follows them in lines of its own in the
code. Version 1 comes from near, version 2 from the server.
"""

import pytest

from layercache import BackendUnavailableError
from tests.near.questions import (
    CONTAINS,
    META,
    Question,
    for_each_question,
    for_each_question_and_its_changes,
    in_buffer_or_table,
)
from tests.near.simulated import FLUSHED, HASH, MAX_STALENESS, SET, NearSetup, changed

# What was near and is void still has its entry, which takes the reply at once; any other waits in the buffer.
to_buffer_or_table = pytest.mark.parametrize("times", [0, 2], ids=["buffer", "table"])


async def make_void(setup: NearSetup, question: Question, times: int) -> None:
    """Have *question* answered *times*, and then void."""
    await question.bring_near(setup, times)
    setup.send(FLUSHED)


# ---- changes


@in_buffer_or_table
@for_each_question_and_its_changes
async def test_a_change_voids(setup: NearSetup, question: Question, push: bytes, times: int) -> None:
    """A push ends what is near of its keys, whether it has an entry or waits in the admission buffer."""
    await question.bring_near(setup, times)
    setup.send(push)
    assert await question.answer(setup, 2) == 2


@in_buffer_or_table
@pytest.mark.parametrize(("question", "other"), [(CONTAINS, HASH), (META, SET)], ids=["contains", "meta"])
async def test_a_change_of_the_other_key(
    setup: NearSetup, question: Question, other: str, times: int
) -> None:
    """A push of the meta ends no membership, and one of the members no meta."""
    await question.bring_near(setup, times)
    setup.send(changed(other))
    assert await question.answer(setup, 2) == 1


@to_buffer_or_table
@for_each_question_and_its_changes
async def test_a_fill_after_a_later_push(
    setup: NearSetup, question: Question, push: bytes, times: int
) -> None:
    """A reply is not kept if a push came behind it before its task went on."""
    # 1  the server answers a reader: version 1
    # 2  somebody changes it: the push follows the reply
    # 3  both are read at once; the reader goes on, with version 1     <- and must not keep it
    await make_void(setup, question, times)
    reader = await setup.start(question.ask(setup.cache))
    setup.send(question.reply(1), push)
    assert await reader == 1
    assert await question.answer(setup, 2) == 2


# ---- connections


@in_buffer_or_table
@for_each_question
async def test_a_lost_connection_ends_all(setup: NearSetup, question: Question, times: int) -> None:
    """What was read over a connection is no longer near when it is lost, nor after the next one is up."""
    await question.bring_near(setup, times)
    setup.lose()
    with pytest.raises(BackendUnavailableError):
        await question.ask(setup.cache)
    await setup.connect()
    assert await question.answer(setup, 2) == 2


@to_buffer_or_table
@for_each_question
async def test_no_ticket_outlives_its_connection(setup: NearSetup, question: Question, times: int) -> None:
    """A reply that was read before its connection was lost is not kept by a task that goes on after."""
    # 1  the server answers a reader: version 1
    # 2  the connection is lost: the server forgets that we read it
    # 3  the reader goes on, with version 1                             <- and must not keep it
    # 4  somebody changes it, and no push comes
    await make_void(setup, question, times)
    reader = await setup.start(question.ask(setup.cache))
    setup.send(question.reply(1))
    setup.lose()
    assert await reader == 1
    await setup.connect()
    assert await question.answer(setup, 2) == 2


# ---- trust


@in_buffer_or_table
@for_each_question
async def test_trust_lasts(setup: NearSetup, question: Question, times: int) -> None:
    """What is near is answered until `max_staleness` after the sending of the last PING that was answered."""
    await question.bring_near(setup, times)
    setup.clock.advance(MAX_STALENESS - 1)
    assert await question.answer(setup, 2) == 1


@in_buffer_or_table
@for_each_question
async def test_trust_ends(setup: NearSetup, question: Question, times: int) -> None:
    """Nothing is answered near from `max_staleness` after the sending of the last PING that was answered."""
    await question.bring_near(setup, times)
    setup.clock.advance(MAX_STALENESS)
    assert await question.answer(setup, 2) == 2
    assert "not trusted" in repr(setup.cache)
