"""Each question by itself: what it may be answered near, and what ends that.

The rules are the same for all, and each has to keep them in a place of its own
in the code. Version 1 comes from near, version 2 from the server.
"""

import pytest

from layercache import BackendUnavailableError
from tests.tiered.questions import (
    CONTAINS,
    META,
    Question,
    at_the_door_or_in_a_place,
    for_each_question,
    for_each_question_and_its_changes,
)
from tests.tiered.stage import FLUSHED, HASH, MAX_STALENESS, SET, Stage, changed

# What was near and is void has its place still, and a reply goes there at once; any other goes to the door.
to_the_door_or_a_place = pytest.mark.parametrize("times", [0, 2], ids=["door", "place"])


async def was_near(stage: Stage, question: Question, times: int) -> None:
    """Have *question* answered *times*, and then void."""
    await question.bring_near(stage, times)
    stage.say(FLUSHED)


# ---- changes


@at_the_door_or_in_a_place
@for_each_question_and_its_changes
async def test_a_change_is_heard(stage: Stage, question: Question, push: bytes, times: int) -> None:
    """A push ends what is near of its keys, whether it has a place already or waits for one."""
    await question.bring_near(stage, times)
    stage.say(push)
    assert await question.as_oci_error(stage, 2) == 2


@at_the_door_or_in_a_place
@pytest.mark.parametrize(("question", "other"), [(CONTAINS, HASH), (META, SET)], ids=["contains", "meta"])
async def test_a_change_of_the_other_key(stage: Stage, question: Question, other: str, times: int) -> None:
    """A push of the meta ends no membership, and one of the members no meta."""
    await question.bring_near(stage, times)
    stage.say(changed(other))
    assert await question.as_oci_error(stage, 2) == 1


@to_the_door_or_a_place
@for_each_question_and_its_changes
async def test_a_fill_after_a_later_push(stage: Stage, question: Question, push: bytes, times: int) -> None:
    """A reply is not kept if a push came behind it before its task went on."""
    # 1  the server answers a reader: version 1
    # 2  somebody changes it: the push follows the reply
    # 3  both are read at once; the reader goes on, with version 1     <- and must not keep it
    await was_near(stage, question, times)
    reader = await stage.asking(question.ask(stage.cache))
    stage.say(question.reply(1), push)
    assert await reader == 1
    assert await question.as_oci_error(stage, 2) == 2


# ---- connections


@at_the_door_or_in_a_place
@for_each_question
async def test_a_lost_connection_ends_all(stage: Stage, question: Question, times: int) -> None:
    """What was read over a connection is not near any more when it is lost, nor after the next one is up."""
    await question.bring_near(stage, times)
    stage.lose()
    with pytest.raises(BackendUnavailableError):
        await question.ask(stage.cache)
    await stage.connect()
    assert await question.as_oci_error(stage, 2) == 2


@to_the_door_or_a_place
@for_each_question
async def test_no_ticket_outlives_its_connection(stage: Stage, question: Question, times: int) -> None:
    """A reply that was read before its connection was lost is not kept by a task that goes on after."""
    # 1  the server answers a reader: version 1
    # 2  the connection is lost: the server forgets that we read it
    # 3  the reader goes on, with version 1                             <- and must not keep it
    # 4  somebody changes it, and no push comes
    await was_near(stage, question, times)
    reader = await stage.asking(question.ask(stage.cache))
    stage.say(question.reply(1))
    stage.lose()
    assert await reader == 1
    await stage.connect()
    assert await question.as_oci_error(stage, 2) == 2


# ---- trust


@at_the_door_or_in_a_place
@for_each_question
async def test_trust_lasts(stage: Stage, question: Question, times: int) -> None:
    """Near answers until `max_staleness` after the sending of the last PING that was answered."""
    await question.bring_near(stage, times)
    stage.clock.advance(MAX_STALENESS - 1)
    assert await question.as_oci_error(stage, 2) == 1


@at_the_door_or_in_a_place
@for_each_question
async def test_trust_ends(stage: Stage, question: Question, times: int) -> None:
    """Near is silent from `max_staleness` after the sending of the last PING that was answered."""
    await question.bring_near(stage, times)
    stage.clock.advance(MAX_STALENESS)
    assert await question.as_oci_error(stage, 2) == 2
    assert "silent" in repr(stage.cache)
