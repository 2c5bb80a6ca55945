"""The steps of the scripts on holds, one table each, run by every server found."""

import pytest

from layercache.backends.redis import scripts
from tests.redis_cache.conftest import ON_ALL_SERVERS
from tests.redis_cache.script_steps import (
    MARKER,
    MEMBERS,
    MEMBERSHIP,
    META,
    OTHER,
    STORE_META,
    TOKEN,
    Runner,
    ends,
    fill_both,
    lay,
    value_beside,
)
from tests.servers import RedisServer

SOON, LATER, PAST = 20_000, 40_000, -1_000  # milliseconds from now on, or before


def end_in(server: RedisServer, milliseconds: int) -> int:
    """The time in so many *milliseconds*, by the clock of *server*."""
    now = server.ask("TIME")
    assert isinstance(now, tuple)  # by redis-py
    return int(now[0]) * 1_000 + milliseconds


CLOSES_OVER_HOLDS = {
    "a hold, shorter": ("closing::", SOON, 30_000),
    "a hold, longer": ("closing::", LATER, LATER),
    "another marker over a hold": ("closing:5678:", LATER, LATER),
    "a hold that has ended": ("closing::", PAST, 30_000),
}


@ON_ALL_SERVERS
@pytest.mark.parametrize(("held", "hold", "life"), CLOSES_OVER_HOLDS.values(), ids=CLOSES_OVER_HOLDS)
def test_close_over_a_hold(run: Runner, redis_server: RedisServer, held: str, hold: int, life: int) -> None:
    """A marker is placed over a hold, for as long as the longer of the two, and the hold keeps its end."""
    fill_both(redis_server)
    for half in (MEMBERSHIP, META):
        end = end_in(redis_server, hold)
        lay(redis_server, half, f"{held}{end}".encode())
        assert run(scripts.close(half, MARKER.decode(), 30_000)) == 1
        assert value_beside(redis_server, half) == MARKER + b":%d" % end
        assert life - 2_000 < ends(redis_server, half.lease) <= life + 1_000
        assert run(scripts.lease(half, "new", 5_000)) is None
    assert redis_server.ask("SMEMBERS", MEMBERS) == {OTHER.encode()}
    assert redis_server.ask("EXISTS", STORE_META.key) == 0


CLEARS_OVER_HOLDS = {
    "a hold": ("closing::", SOON, "closing::"),
    "its marker over a hold": ("closing:1234:", SOON, "closing::"),
    "another marker over a hold": ("closing:5678:", SOON, "closing:5678:"),
    "its marker over a hold that has ended": ("closing:1234:", PAST, None),
}


@ON_ALL_SERVERS
@pytest.mark.parametrize(("held", "hold", "left"), CLEARS_OVER_HOLDS.values(), ids=CLEARS_OVER_HOLDS)
def test_clear_over_a_hold(
    run: Runner, redis_server: RedisServer, held: str, hold: int, left: str | None
) -> None:
    """The marker that is named is dropped, and the hold under it stays until its own end."""
    fill_both(redis_server)
    for half in (MEMBERSHIP, META):
        end = end_in(redis_server, hold)
        lay(redis_server, half, f"{held}{end}".encode())
        assert run(scripts.clear(half, MARKER.decode())) == 1
        assert value_beside(redis_server, half) == (None if left is None else f"{left}{end}".encode())
        if left == "closing::" != held:
            assert hold - 2_000 < ends(redis_server, half.lease) <= hold + 1_000
        run(scripts.clear(half))
        assert value_beside(redis_server, half) == (None if left is None else f"{left}{end}".encode())
    assert redis_server.ask("SMEMBERS", MEMBERS) == {OTHER.encode()}
    assert redis_server.ask("EXISTS", STORE_META.key) == 0


HOLDS = {
    "nothing": (None, 30_000),
    "a token": (TOKEN.decode(), 30_000),
    "a marker": (MARKER.decode(), 30_000),
    "a hold, shorter": (SOON, 30_000),
    "a hold, longer": (LATER, LATER),
}


@ON_ALL_SERVERS
@pytest.mark.parametrize(("held", "life"), HOLDS.values(), ids=HOLDS)
def test_hold(run: Runner, redis_server: RedisServer, held: str | int | None, life: int) -> None:
    """A half is cleared, and a hold replaces any other value, until the later of two ends."""
    fill_both(redis_server)
    for half in (MEMBERSHIP, META):
        there = f"closing::{end_in(redis_server, held)}" if isinstance(held, int) else held
        lay(redis_server, half, None if there is None else there.encode())
        assert run(scripts.hold(half, 30_000)) == 1
        left = value_beside(redis_server, half)
        assert isinstance(left, bytes)
        assert left.startswith(b"closing::")
        assert abs(int(left.removeprefix(b"closing::")) - end_in(redis_server, life)) < 2_000
        assert life - 2_000 < ends(redis_server, half.lease) <= life + 1_000
        assert run(scripts.lease(half, "new", 5_000)) is None
    assert redis_server.ask("SMEMBERS", MEMBERS) == {OTHER.encode()}
    assert redis_server.ask("EXISTS", STORE_META.key) == 0
