"""What is sent, in how many round trips, and in which order."""

import asyncio
from collections.abc import Callable

import hiredis
import pytest

from layercache.backend import Lease
from layercache.backends.redis import scripts
from layercache.backends.redis.cache import RedisCache
from layercache.backends.redis.transport.link import Link
from layercache.backends.redis.transport.wire import Wire
from layercache.context import Context
from layercache.errors import CanceledError
from layercache.meta import LayerMeta
from tests.redis.simulated import SimulatedTransport
from tests.redis_cache.conftest import MakeCache
from tests.redis_cache.operations import CTX, DIGEST, META, OPERATIONS, REPO


class Recorder:
    """An opener of wires that lead to a simulated transport, and not to a server."""

    async def __call__(self, make_wire: Callable[[], Wire]) -> Wire:
        """Open one."""
        wire = make_wire()
        self.transport = SimulatedTransport(wire)
        return wire

    def bursts(self) -> list[bytes]:
        """What was written, but for the heartbeats."""
        return [data for data in self.transport.written if b"PING" not in data]


@pytest.fixture
async def recorder() -> Recorder:
    """What records the writes of `offline_cache`."""
    return Recorder()


@pytest.fixture
async def offline_cache(recorder: Recorder, make_cache: MakeCache) -> RedisCache:
    """A cache whose transport is simulated."""
    link = Link(recorder)
    await link.ready()
    recorder.transport.receive(b"+PONG\r\n")
    return make_cache(link)


def commands_of(burst: bytes) -> list[list[str]]:
    """The words of each command of *burst*."""
    reader = hiredis.Reader(encoding="utf-8", notEnoughData=None)
    reader.feed(burst)
    return list(iter(reader.gets, None))


async def turns() -> None:
    """Let the loop turn until what was begun has been written."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_a_manifest_is_one_round_trip(recorder: Recorder, offline_cache: RedisCache) -> None:
    """A hundred layers are asked for in one write, by either bulk form, and answered in order."""
    dgsts = [f"sha256:{number}" for number in range(100)]
    contained = asyncio.create_task(offline_cache.contains_many(CTX, REPO, dgsts))
    stats = asyncio.create_task(offline_cache.stat_many(CTX, REPO, dgsts))
    await turns()
    (burst,) = recorder.bursts()
    assert (burst.count(b"SMISMEMBER"), burst.count(b"HMGET")) == (2, 100)
    members = b"*100\r\n" + b":1\r\n:0\r\n" * 50
    metas = b"*6\r\n$2\r\n/a\r\n$1\r\n7\r\n_\r\n_\r\n_\r\n_\r\n" * 100
    recorder.transport.receive(members + metas + members)
    assert await contained == [True, False] * 50
    assert await stats == [LayerMeta("/a", 7), None] * 50


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_an_operation_is_one_round_trip(
    operation: str, recorder: Recorder, offline_cache: RedisCache
) -> None:
    """All commands of an operation are written at once, before any of them is answered."""
    task = asyncio.ensure_future(OPERATIONS[operation](offline_cache))
    await turns()
    (burst,) = recorder.bursts()
    step = b"$32\r\n" + b"a" * 32 + b"\r\n" if operation == "lease" else b":1\r\n"
    answers = {b"HMGET": b"*6\r\n" + b"$1\r\n7\r\n" * 6, b"EVALSHA": step}
    commands = [line for line in burst.split(b"\r\n") if line.isalpha() and line.isupper()]
    recorder.transport.receive(b"".join(answers.get(command, b":1\r\n") for command in commands))
    await task
    assert recorder.bursts() == [burst]


@pytest.mark.parametrize("lacking", [1, 2], ids=["the meta's", "the membership's"])
async def test_only_the_step_that_lacks_its_script_is_sent_again(
    lacking: int, recorder: Recorder, offline_cache: RedisCache
) -> None:
    """Of a fill, the half whose script the server has lost is sent with its text, and nothing else is."""
    task = asyncio.create_task(offline_cache.fill(CTX, Lease(REPO, DIGEST, "a", "b"), META))
    await turns()
    replies = [b":1\r\n"] * 3
    replies[lacking] = b"-NOSCRIPT No matching script\r\n"
    recorder.transport.receive(b"".join(replies))
    await turns()
    first, again = recorder.bursts()
    step = commands_of(first)[lacking]
    assert commands_of(again) == [["EVAL", scripts.FILL.text, *step[2:]]]
    recorder.transport.receive(b":1\r\n")
    assert await task
    assert recorder.bursts() == [first, again]


async def lose_scripts(recorder: Recorder, ctx: Context, cache: RedisCache) -> "asyncio.Task[Lease | None]":
    """Ask for a lease, both steps of which lack their script and have been sent again."""
    task = asyncio.create_task(cache.lease(ctx, REPO, DIGEST))
    await turns()
    recorder.transport.receive(b"-NOSCRIPT No matching script\r\n" * 2)
    await turns()
    return task


async def test_steps_that_are_sent_again_keep_their_order(
    recorder: Recorder, offline_cache: RedisCache
) -> None:
    """Of several steps that are sent again each gets its own reply."""
    task = await lose_scripts(recorder, CTX, offline_cache)
    meta, member = scripts.new_token(), scripts.new_token()
    recorder.transport.receive(f"$32\r\n{meta}\r\n$32\r\n{member}\r\n".encode())
    assert await task == Lease(REPO, DIGEST, member, meta)


async def test_what_is_sent_again_is_awaited_no_longer(recorder: Recorder, offline_cache: RedisCache) -> None:
    """The context that bounds the first wait for an answer bounds the second."""
    with CTX.with_cancel() as ctx:
        task = await lose_scripts(recorder, ctx, offline_cache)
        assert len(recorder.bursts()) == 2
    await turns()
    assert task.done()
    with pytest.raises(CanceledError):
        await task


async def test_meta_is_asked_for_before_membership(recorder: Recorder, offline_cache: RedisCache) -> None:
    """The two halves of a stat are asked for in the order that cannot combine what never was together."""
    tasks = [
        asyncio.create_task(offline_cache.stat(CTX, REPO, DIGEST)),
        asyncio.create_task(offline_cache.stat_many(CTX, REPO, [DIGEST])),
    ]
    await turns()
    (burst,) = recorder.bursts()
    order = [word for word in burst.split(b"\r\n") if word in (b"HMGET", b"SISMEMBER", b"SMISMEMBER")]
    assert order == [b"HMGET", b"SISMEMBER", b"HMGET", b"SMISMEMBER"]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_no_layers_are_no_question(recorder: Recorder, offline_cache: RedisCache) -> None:
    """For no layers nothing is sent."""
    assert await offline_cache.contains_many(CTX, REPO, []) == []
    assert await offline_cache.stat_many(CTX, REPO, []) == []
    assert recorder.bursts() == []


async def test_more_layers_than_a_wire_lets_wait(cache: RedisCache) -> None:
    """However many layers are asked for, all are answered, in their order."""
    dgsts = [f"sha256:{number}" for number in range(12_000)]
    await cache.put(CTX, REPO, dgsts[11_999], META)
    assert await cache.stat_many(CTX, REPO, dgsts) == [None] * 11_999 + [META]
    assert await cache.contains_many(CTX, REPO, dgsts) == [False] * 11_999 + [True]
