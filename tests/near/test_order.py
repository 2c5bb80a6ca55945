"""What is near agrees with the order in which replies, pushes and losses came, byte by byte.

Each test is a race of `docs/explanation/near.md`. The server answers version 2 of
the layer when it is asked last; version 1 then comes from near. What holds for
each question by itself is in `test_questions.py`.
"""

import asyncio

from layercache.testing import new_digest
from tests.near.simulated import (
    BUSY,
    CTX,
    DGST,
    HASH,
    MAX_STALENESS,
    OK,
    PONG,
    REPO,
    SET,
    NearSetup,
    changed,
    meta,
    turns,
    version_of,
)

# ---- what is kept


async def test_what_was_read_is_near(setup: NearSetup) -> None:
    """What has not changed since it was read is answered without a command to the server."""
    assert [await setup.stat(1), await setup.stat(2), await setup.stat(2)] == [1, 1, 1]
    assert await setup.cache.contains(CTX, REPO, DGST)
    assert await setup.cache.meta(CTX, DGST) == meta(1)


async def test_each_reader_has_a_ticket_of_its_own(setup: NearSetup) -> None:
    """Of two readers of one key, the one that asked after the push may keep its answer."""
    first = await setup.start(setup.cache.stat(CTX, REPO, DGST))
    setup.send(changed(SET, HASH))
    second = await setup.start(setup.cache.stat(CTX, REPO, DGST))
    setup.send(version_of(1), version_of(2))
    assert [await first, await second] == [meta(1), meta(2)]
    assert await setup.stat(3) == 2


async def test_a_change_of_others_costs_nothing(setup: NearSetup) -> None:
    """Pushes of keys that are about no layer end nothing."""
    assert await setup.stat(1) == 1
    setup.send(
        changed(f"{{{HASH}}}::lease", f"{SET}::{DGST}", "blobs::", "repository::blobs"), changed("\x7f")
    )
    setup.send(b">2\r\n$7\r\nmessage\r\n$1\r\nx\r\n")
    assert await setup.stat(2) == 1


async def test_many_ask_for_the_rest_at_once(setup: NearSetup) -> None:
    """A bulk form asks in one burst for what is not near, once for each layer."""
    assert await setup.stat(1) == 1
    other = new_digest()
    before = len(setup.written())
    reader = await setup.start(setup.cache.stat_many(CTX, REPO, [DGST, other, DGST, other]))
    sent = setup.written()[before:]
    assert [command[0] for command in sent] == [b"HMGET", b"SMISMEMBER"]
    setup.send(b"*6\r\n" + b"_\r\n" * 6, b"*1\r\n:0\r\n")
    assert await reader == [meta(1), None, meta(1), None]
    member = await setup.start(setup.cache.contains_many(CTX, REPO, [DGST, other]))
    assert setup.written()[-1] == [b"SMISMEMBER", SET.encode(), other.encode()]
    setup.send(b"*1\r\n:1\r\n")
    assert await member == [True, True]
    assert await setup.cache.contains_many(CTX, REPO, [other, DGST]) == [True, True]


# ---- connections


async def test_nothing_is_read_before_the_server_tracks() -> None:
    """No question is sent before CLIENT TRACKING was answered, and it is in the default mode."""
    setup = NearSetup()
    reader = asyncio.ensure_future(setup.cache.stat(CTX, REPO, DGST))
    await turns()
    assert setup.written() == [[b"CLIENT", b"TRACKING", b"ON"]]
    setup.send(OK)
    await turns()
    sent = [command[0] for command in setup.written()]
    assert sent == [b"CLIENT", b"CLIENT", b"GET", b"EVAL", b"PING", b"HMGET", b"SISMEMBER"]
    setup.send(setup.probe_replies(), PONG, version_of(1))
    assert await reader == meta(1)
    await setup.cache.aclose()


# ---- trust


async def test_trust_begins_with_the_sending() -> None:
    """A PING whose answer took its time gives trust from when it was sent, not from when it was answered."""
    setup = NearSetup()
    await setup.connect(pong=b"")
    setup.clock.advance(100)
    setup.send(PONG)
    assert await setup.stat(1) == 1
    setup.clock.advance(MAX_STALENESS - 101)
    assert await setup.stat(2) == 1
    setup.clock.advance(1)
    assert await setup.stat(2) == 2
    await setup.cache.aclose()


async def test_an_error_is_no_heartbeat() -> None:
    """A PING that was answered with -BUSY gives no trust, for the error may have come out of order."""
    setup = NearSetup()
    await setup.connect(pong=BUSY)
    assert [await setup.stat(1), await setup.stat(2), await setup.stat(3)] == [1, 2, 3]
    await setup.cache.aclose()


async def test_what_is_near_may_be_trusted_again(setup: NearSetup) -> None:
    """What was near, and not changed meanwhile, is answered again once a PING was answered."""
    assert await setup.stat(1) == 1
    setup.clock.advance(MAX_STALENESS)
    assert not setup.state.is_trusted
    await setup.ping()
    assert await setup.stat(2) == 1


async def test_a_push_in_the_silence_counts(setup: NearSetup) -> None:
    """A push that comes while nothing near is trusted ends what is near as any other."""
    assert await setup.stat(1) == 1
    setup.clock.advance(MAX_STALENESS)
    setup.send(changed(SET))
    await setup.ping()
    assert await setup.stat(2) == 2
