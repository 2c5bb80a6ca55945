"""What is asked for at once is answered from one moment, though part of it is near and part is not."""

import pytest

from layercache.testing import new_digest
from tests.tiered.stage import CTX, DGST, FLUSHED, HASH, REPO, SET, Stage, changed, meta, turns, version_of

OTHER = new_digest()
NONE = b"*6\r\n" + b"_\r\n" * 6
AS_ASKED = [DGST.encode(), OTHER.encode()]
CHANGES = [changed(SET), FLUSHED]


async def until_near(stage: Stage) -> None:
    """Have one of two layers near."""
    assert [await stage.stat(1), await stage.stat(2)] == [1, 1]


@pytest.mark.parametrize("change", CHANGES, ids=["set", "flush"])
async def test_contains_many(stage: Stage, change: bytes) -> None:
    """If the repository has changed before the rest was answered, all of it is asked for, once more."""
    await until_near(stage)
    reader = await stage.asking(stage.cache.contains_many(CTX, REPO, [DGST, OTHER]))
    stage.say(change, b"*1\r\n:1\r\n")
    await turns()
    assert stage.written()[-1] == [b"SMISMEMBER", SET.encode(), *AS_ASKED]
    stage.say(change, b"*2\r\n:0\r\n:1\r\n")
    assert await reader == [False, True]


@pytest.mark.parametrize("change", [*CHANGES, changed(HASH)], ids=["set", "flush", "hash"])
async def test_stat_many(stage: Stage, change: bytes) -> None:
    """If the repository, or a layer that was near, has changed before the rest came, all is asked for."""
    await until_near(stage)
    reader = await stage.asking(stage.cache.stat_many(CTX, REPO, [DGST, OTHER]))
    stage.say(change, NONE, b"*1\r\n:0\r\n")
    await turns()
    assert stage.written()[-1] == [b"SMISMEMBER", SET.encode(), *AS_ASKED]
    stage.say(version_of(2).partition(b":1\r\n")[0], NONE, b"*2\r\n:1\r\n:0\r\n")
    assert await reader == [meta(2), None]


async def test_what_did_not_change_is_asked_for_once(stage: Stage) -> None:
    """Without a change the near part stands, and only the rest is asked for."""
    await until_near(stage)
    reader = await stage.asking(stage.cache.contains_many(CTX, REPO, [DGST, OTHER]))
    stage.say(changed(HASH), b"*1\r\n:0\r\n")
    assert await reader == [True, False]
