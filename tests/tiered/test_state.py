"""What a tiered cache tells about itself."""

import math

from layercache.backends.redis.near import TieredState
from tests.tiered.stage import CTX, DGST, FLUSHED, HASH, REPO, SET, Stage, changed, version_of

UNKNOWN = b"*6\r\n" + b"_\r\n" * 6


async def test_state_of_nothing() -> None:
    """A cache that nobody asked anything trusts nothing, and has seen nothing."""
    assert Stage().cache.state == TieredState(
        is_trusted=False, entries=0, far=0, changes=0, last_change="", last_change_age=math.inf
    )


async def test_who_answers(stage: Stage) -> None:
    """What the far cache answered is counted, by the layer; what was answered near is not."""
    for _ in range(3):
        assert await stage.stat(1) == 1
    assert (stage.cache.state.far, stage.cache.state.is_trusted) == (1, True)
    assert stage.cache.state.entries > 0
    replies = {
        stage.cache.contains(CTX, REPO, "a:0"): b":1\r\n",
        stage.cache.meta(CTX, "a:0"): version_of(1).removesuffix(b":1\r\n"),
        stage.cache.contains_many(CTX, REPO, [DGST, "a:1", "a:2"]): b"*2\r\n:1\r\n:1\r\n",
        stage.cache.stat_many(CTX, REPO, ["a:3", "a:4"]): UNKNOWN * 2 + b"*2\r\n:0\r\n:0\r\n",
    }
    counts = []
    for question, reply in replies.items():
        task = await stage.asking(question)
        stage.say(reply)
        await task
        counts.append(stage.cache.state.far)
    assert counts == [2, 3, 5, 7]


async def test_what_has_changed(stage: Stage) -> None:
    """Each set or hash that the server tells of is counted, and the last one is told with its age."""
    stage.say(changed(SET))
    stage.say(changed("x", HASH, f"{{{HASH}}}::lease"))
    await stage.stat(1)
    stage.clock.advance(5.0)
    state = stage.cache.state
    assert (state.changes, state.last_change, state.last_change_age) == (2, HASH, 5.0)
    stage.say(FLUSHED)
    await stage.stat(1)
    state = stage.cache.state
    assert (state.changes, state.last_change, state.last_change_age) == (3, "*", 0.0)


async def test_trust_is_told(stage: Stage) -> None:
    """A cache whose link is lost says that it trusts nothing, and keeps its counts."""
    await stage.stat(1)
    stage.lose()
    assert (stage.cache.state.is_trusted, stage.cache.state.far) == (False, 1)
