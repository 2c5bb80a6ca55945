"""The state of what is near."""

import math

from layercache.backends.redis.near import NearState
from tests.near.simulated import CTX, DGST, FLUSHED, HASH, REPO, SET, NearSetup, changed, version_of

UNKNOWN = b"*6\r\n" + b"_\r\n" * 6


async def test_state_of_nothing() -> None:
    """Near entries are not trusted before the first question, and all counts are zero."""
    assert NearSetup().state == NearState(
        is_trusted=False, entries=0, far=0, changes=0, last_change="", last_change_age=math.inf
    )


async def test_who_answers(setup: NearSetup) -> None:
    """What Redis answered is counted, by the layer; what was answered near is not."""
    for _ in range(3):
        assert await setup.stat(1) == 1
    assert (setup.state.far, setup.state.is_trusted) == (1, True)
    assert setup.state.entries > 0
    replies = {
        setup.cache.contains(CTX, REPO, "a:0"): b":1\r\n",
        setup.cache.meta(CTX, "a:0"): version_of(1).removesuffix(b":1\r\n"),
        setup.cache.contains_many(CTX, REPO, [DGST, "a:1", "a:2"]): b"*2\r\n:1\r\n:1\r\n",
        setup.cache.stat_many(CTX, REPO, ["a:3", "a:4"]): UNKNOWN * 2 + b"*2\r\n:0\r\n:0\r\n",
    }
    counts = []
    for question, reply in replies.items():
        task = await setup.start(question)
        setup.send(reply)
        await task
        counts.append(setup.state.far)
    assert counts == [2, 3, 5, 7]


async def test_what_has_changed(setup: NearSetup) -> None:
    """Each change of a set or a hash that is pushed is counted, and the last one is there with its age."""
    setup.send(changed(SET))
    setup.send(changed("x", HASH, f"{{{HASH}}}::lease"))
    await setup.stat(1)
    setup.clock.advance(5.0)
    state = setup.state
    assert (state.changes, state.last_change, state.last_change_age) == (2, HASH, 5.0)
    setup.send(FLUSHED)
    await setup.stat(1)
    state = setup.state
    assert (state.changes, state.last_change, state.last_change_age) == (3, "*", 0.0)


async def test_trust_ends_with_the_connection(setup: NearSetup) -> None:
    """While the link is lost nothing near is trusted, and the counts stay."""
    await setup.stat(1)
    setup.lose()
    assert (setup.state.is_trusted, setup.state.far) == (False, 1)
