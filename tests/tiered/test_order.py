"""What is near agrees with the order in which replies, pushes and losses came: to the byte.

Each test tells a race of `docs/explanation/near.md`. The server says version 2
of the layer when it is asked last; version 1 then comes from near.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from layercache import BackendError, BackendUnavailableError, LayerInfoCache, Lease
from layercache.testing import new_digest
from tests.tiered.stage import (
    BUSY,
    CTX,
    DGST,
    FLUSHED,
    HASH,
    MAX_STALENESS,
    OK,
    PONG,
    REPO,
    SET,
    Stage,
    changed,
    meta,
    turns,
    version_of,
)

CHANGES = [changed(SET), changed(HASH), changed("blobs::other", HASH), FLUSHED]
IDS = ["set", "hash", "two keys", "flush"]

Write = Callable[[LayerInfoCache], Awaitable[object]]


async def removing(cache: LayerInfoCache) -> None:
    async with cache.removing(CTX, REPO, DGST):
        pass


async def forgetting(cache: LayerInfoCache) -> None:
    async with cache.forgetting(CTX, DGST):
        pass


WRITES: dict[str, Write] = {
    "add": lambda cache: cache.add(CTX, REPO, DGST),
    "set_meta": lambda cache: cache.set_meta(CTX, DGST, meta(2)),
    "put": lambda cache: cache.put(CTX, REPO, DGST, meta(2)),
    "remove": lambda cache: cache.remove(CTX, REPO, DGST),
    "forget": lambda cache: cache.forget(CTX, DGST),
    "fill": lambda cache: cache.fill(CTX, Lease(REPO, DGST, "token", "token"), meta(2)),
    "fill of a meta": lambda cache: cache.fill(CTX, Lease(None, DGST, "", "token"), meta(2)),
    "removing": removing,
    "forgetting": forgetting,
}


# ---- what is kept


async def test_what_was_read_is_near(stage: Stage) -> None:
    """What nothing has changed since is answered without a word to the server."""
    assert [await stage.stat(1), await stage.stat(2), await stage.stat(2)] == [1, 1, 1]
    assert await stage.cache.contains(CTX, REPO, DGST)
    assert await stage.cache.meta(CTX, DGST) == meta(1)


@pytest.mark.parametrize("change", CHANGES, ids=IDS)
async def test_a_change_is_heard(stage: Stage, change: bytes) -> None:
    """A push ends what is near of its keys, whether it has a place already or waits for one."""
    for asked_before in (1, 2):
        for _ in range(asked_before):
            assert await stage.stat(1) == 1
        stage.say(change)
        assert await stage.stat(2) == 2
        stage.say(change)


@pytest.mark.parametrize("change", CHANGES, ids=IDS)
async def test_a_fill_after_a_later_push(stage: Stage, change: bytes) -> None:
    """A reply is not kept if a push came behind it before its task went on."""
    # 1  the server answers a reader: version 1
    # 2  somebody changes it: the push follows the reply
    # 3  both are read at once; the reader goes on, with version 1     <- and must not keep it
    reader = await stage.asking(stage.cache.stat(CTX, REPO, DGST))
    stage.say(version_of(1), change)
    assert await reader == meta(1)
    assert await stage.stat(2) == 2


@pytest.mark.parametrize("change", CHANGES, ids=IDS)
async def test_a_fill_after_a_later_push_of_many(stage: Stage, change: bytes) -> None:
    """The bulk forms keep no reply that a push came behind."""
    reader = await stage.asking(stage.cache.stat_many(CTX, REPO, [DGST]))
    stage.say(version_of(1).replace(b":1\r\n", b"*1\r\n:1\r\n"), change)
    assert await reader == [meta(1)]
    assert await stage.stat(2) == 2


async def test_each_reader_has_a_ticket_of_its_own(stage: Stage) -> None:
    """Of two readers of one key, the one who asked after the push may keep what he was told."""
    first = await stage.asking(stage.cache.stat(CTX, REPO, DGST))
    stage.say(changed(SET, HASH))
    second = await stage.asking(stage.cache.stat(CTX, REPO, DGST))
    stage.say(version_of(1), version_of(2))
    assert [await first, await second] == [meta(1), meta(2)]
    assert await stage.stat(3) == 2


async def test_a_change_of_others_costs_nothing(stage: Stage) -> None:
    """Pushes of keys that say nothing of a layer end nothing."""
    assert await stage.stat(1) == 1
    stage.say(
        changed(f"{{{HASH}}}::lease", f"{SET}::{DGST}", "blobs::", "repository::blobs"), changed("\x7f")
    )
    stage.say(b">2\r\n$7\r\nmessage\r\n$1\r\nx\r\n")
    assert await stage.stat(2) == 1


async def test_many_ask_for_the_rest_at_once(stage: Stage) -> None:
    """A bulk form asks in one burst for what is not near, once for each layer."""
    assert await stage.stat(1) == 1
    other = new_digest()
    before = len(stage.written())
    reader = await stage.asking(stage.cache.stat_many(CTX, REPO, [DGST, other, DGST, other]))
    sent = stage.written()[before:]
    assert [command[0] for command in sent] == [b"HMGET", b"SMISMEMBER"]
    stage.say(b"*6\r\n" + b"_\r\n" * 6, b"*1\r\n:0\r\n")
    assert await reader == [meta(1), None, meta(1), None]
    member = await stage.asking(stage.cache.contains_many(CTX, REPO, [DGST, other]))
    assert stage.written()[-1] == [b"SMISMEMBER", SET.encode(), other.encode()]
    stage.say(b"*1\r\n:1\r\n")
    assert await member == [True, True]
    assert await stage.cache.contains_many(CTX, REPO, [other, DGST]) == [True, True]


# ---- our own writes


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_what_we_wrote_is_read(stage: Stage, write: Write) -> None:
    """Who was told that it is written reads it, though the push has not come yet."""
    for asked_before in (1, 2):
        for _ in range(asked_before):
            assert await stage.stat(1) == 1
        await answered(stage, write)
        assert await stage.stat(2) == 2
        stage.say(changed(SET, HASH))


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_a_reader_that_we_overtook_keeps_nothing(stage: Stage, write: Write) -> None:
    """A reply from before our write is not kept if its task goes on after that of the write, or before."""
    reader = await stage.asking(stage.cache.stat(CTX, REPO, DGST))
    stage.say(version_of(1))
    await answered(stage, write)
    assert await reader == meta(1)
    assert await stage.stat(2) == 2


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_a_write_that_fails_may_have_been_done(stage: Stage, write: Write) -> None:
    """After an error nothing of what was to be written is near."""
    assert await stage.stat(1) == 1
    with pytest.raises(BackendError):
        await answered(stage, write, b"-OOM command not allowed\r\n")
    assert await stage.stat(2) == 2


async def answered(stage: Stage, write: Write, reply: bytes = b":1\r\n") -> None:
    """Return when *write* has, each of its commands answered by *reply*."""
    count = len(stage.written())
    task = asyncio.ensure_future(write(stage.cache))
    while not task.done():
        await turns()
        sent, count = len(stage.written()) - count, len(stage.written())
        stage.say(reply * sent)
    await task


# ---- connections


async def test_nobody_reads_before_the_server_tracks() -> None:
    """No question is sent before CLIENT TRACKING was answered, and it is in the default mode."""
    stage = Stage()
    reader = asyncio.ensure_future(stage.cache.stat(CTX, REPO, DGST))
    await turns()
    assert stage.written() == [[b"CLIENT", b"TRACKING", b"ON"]]
    stage.say(OK)
    await turns()
    assert [command[0] for command in stage.written()] == [b"CLIENT", b"PING", b"HMGET", b"SISMEMBER"]
    stage.say(PONG, version_of(1))
    assert await reader == meta(1)
    await stage.cache.aclose()


async def test_a_lost_connection_ends_all(stage: Stage) -> None:
    """What was read over a connection is not near any more when it is lost, nor after the next one is up."""
    assert [await stage.stat(1), await stage.stat(2)] == [1, 1]
    stage.lose()
    with pytest.raises(BackendUnavailableError):
        await stage.cache.stat(CTX, REPO, DGST)
    await stage.connect()
    assert await stage.stat(2) == 2


async def test_no_ticket_outlives_its_connection(stage: Stage) -> None:
    """A reply that was read before its connection was lost is not kept by a task that goes on after."""
    # 1  the server answers a reader: version 1
    # 2  the connection is lost: the server forgets that we read it
    # 3  the reader goes on, with version 1                             <- and must not keep it
    # 4  somebody changes it, and no push comes
    reader = await stage.asking(stage.cache.stat(CTX, REPO, DGST))
    stage.say(version_of(1))
    stage.lose()
    assert await reader == meta(1)
    await stage.connect()
    assert await stage.stat(2) == 2


# ---- trust


async def test_trust_ends(stage: Stage) -> None:
    """Near is silent from `max_staleness` after the sending of the last PING that was answered."""
    assert await stage.stat(1) == 1
    stage.clock.advance(MAX_STALENESS - 1)
    assert await stage.stat(2) == 1
    stage.clock.advance(1)
    assert await stage.stat(2) == 2
    assert "silent" in repr(stage.cache)


async def test_trust_begins_with_the_sending() -> None:
    """A PING whose answer took its time gives trust from when it was sent, not from when it was answered."""
    stage = Stage()
    await stage.connect(pong=b"")
    stage.clock.advance(100)
    stage.say(PONG)
    assert await stage.stat(1) == 1
    stage.clock.advance(MAX_STALENESS - 101)
    assert await stage.stat(2) == 1
    stage.clock.advance(1)
    assert await stage.stat(2) == 2
    await stage.cache.aclose()


async def test_an_error_is_no_heartbeat() -> None:
    """A server that answers PING with -BUSY gives no trust, for it may have answered it out of order."""
    stage = Stage()
    await stage.connect(pong=BUSY)
    assert [await stage.stat(1), await stage.stat(2), await stage.stat(3)] == [1, 2, 3]
    await stage.cache.aclose()


async def test_what_is_near_may_be_trusted_again(stage: Stage) -> None:
    """What was near in the silence, and not changed, is answered once a PING was answered again."""
    assert await stage.stat(1) == 1
    stage.clock.advance(MAX_STALENESS)
    assert await stage.stat(1) == 1
    stage.lose()
    await stage.connect()
    assert [await stage.stat(1), await stage.stat(2)] == [1, 1]


async def test_a_push_in_the_silence_counts(stage: Stage) -> None:
    """A change that is heard of while near is silent ends what is near as any other."""
    assert await stage.stat(1) == 1
    stage.clock.advance(MAX_STALENESS)
    stage.say(changed(SET))
    stage.cache._tracking.pinging()()
    assert await stage.stat(2) == 2
