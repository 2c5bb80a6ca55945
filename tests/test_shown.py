"""What no message can quote is refused like any other: with an error that says what was wanted."""

import pytest

from layercache import InvalidArgumentError, LayerMeta, MemoryCache, RedisCache, background
from layercache.backends.redis.schema import NonsenseError, to_meta
from layercache.testing import new_digest

HUGE = 10**5000  # Python writes no int of more than 4,300 digits


class Mute:
    """Has no repr."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize("length", [HUGE, -HUGE, Mute()], ids=["huge", "minus huge", "mute"])
async def test_a_length_that_cannot_be_written(length: int) -> None:
    """A meta whose length nobody can write down is an invalid argument."""
    async with MemoryCache() as cache:
        with pytest.raises(InvalidArgumentError, match="a length is from 0"):
            await cache.set_meta(background(), new_digest(), LayerMeta("/data", length))


def test_a_setting_that_cannot_be_written() -> None:
    """So is a setting."""
    with pytest.raises(InvalidArgumentError, match="entries"):
        MemoryCache(HUGE)
    with pytest.raises(InvalidArgumentError, match="ttl"):
        RedisCache("redis://localhost", ttl=HUGE)
    with pytest.raises(InvalidArgumentError, match="ttl"):
        MemoryCache(ttl=-HUGE)


@pytest.mark.parametrize("reply", [HUGE, [HUGE], {b"a": HUGE}], ids=["number", "array", "map"])
def test_a_reply_that_cannot_be_written(reply: object) -> None:
    """A reply that is none, and cannot be quoted, is told as one that is none."""
    with pytest.raises(NonsenseError, match="no answer about"):
        to_meta("sha256:00", reply)


async def test_a_long_value_is_quoted_in_part() -> None:
    """A message has no more than the beginning of what it complains of."""
    async with MemoryCache() as cache:
        with pytest.raises(InvalidArgumentError) as raised:
            await cache.set_meta(background(), new_digest(), LayerMeta("/data" * 10**6, -1, ""))
    assert len(str(raised.value)) < 300
