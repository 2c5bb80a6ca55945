"""The steps of the scripts, one table each, run by every server found."""

import pytest

from layercache.backends.redis import scripts
from layercache.backends.redis.resp import ReplyFault
from layercache.backends.redis.schema import NonsenseError
from layercache.errors import CorruptEntryError
from tests.redis_cache.conftest import ON_ALL_SERVERS
from tests.redis_cache.script_steps import (
    ANOTHER,
    ANOTHER_MARKER,
    DIGEST,
    HASH,
    MARKER,
    MEMBERS,
    MEMBERSHIP,
    META,
    OTHER,
    STORE_MEMBER,
    STORE_META,
    TOKEN,
    Runner,
    ends,
    fill_both,
    lay,
    value_beside,
)
from tests.servers import RedisServer

# ---- lease

LEASES = {
    "nothing": (None, b"new", b"new"),
    "a token": (TOKEN, TOKEN, TOKEN),
    "a marker": (MARKER, None, MARKER),
}


@ON_ALL_SERVERS
@pytest.mark.parametrize("half", [MEMBERSHIP, META], ids=["membership", "meta"])
@pytest.mark.parametrize(("held", "reply", "left"), LEASES.values(), ids=LEASES)
def test_lease(
    run: Runner,
    redis_server: RedisServer,
    half: scripts.Half,
    held: bytes | None,
    reply: bytes | None,
    left: bytes,
) -> None:
    """A lease is new where there is none, shared where there is one, and not given under a marker."""
    lay(redis_server, half, held)
    assert run(scripts.lease(half, "new", 5_000)) == reply
    assert value_beside(redis_server, half) == left
    assert 0 < ends(redis_server, half.lease) <= (5_000 if held is None else 10_000)


# ---- fill

FILLS = {
    "nothing": (None, 0, None),
    "its token": (TOKEN, 1, None),
    "another token": (ANOTHER, 0, ANOTHER),
    "a marker": (MARKER, 0, MARKER),
}


@ON_ALL_SERVERS
@pytest.mark.parametrize(("held", "reply", "left"), FILLS.values(), ids=FILLS)
def test_fill_of_a_membership(
    run: Runner, redis_server: RedisServer, held: bytes | None, reply: int, left: bytes | None
) -> None:
    """A membership is stored only while its token is there, which is dropped then."""
    redis_server.ask("SADD", MEMBERS, OTHER)
    lay(redis_server, MEMBERSHIP, held)
    assert run(scripts.fill(MEMBERSHIP, TOKEN.decode(), STORE_MEMBER, 0)) == reply
    assert value_beside(redis_server, MEMBERSHIP) == left
    assert redis_server.ask("SMISMEMBER", MEMBERS, DIGEST, OTHER) == [reply, 1]
    assert ends(redis_server, MEMBERS) == -1


@ON_ALL_SERVERS
@pytest.mark.parametrize(("held", "reply", "left"), FILLS.values(), ids=FILLS)
def test_fill_of_a_meta(
    run: Runner, redis_server: RedisServer, held: bytes | None, reply: int, left: bytes | None
) -> None:
    """A meta is stored only while its token is there, which is dropped then."""
    lay(redis_server, META, held)
    assert run(scripts.fill(META, TOKEN.decode(), STORE_META, 0)) == reply
    assert value_beside(redis_server, META) == left
    assert redis_server.ask("HGETALL", STORE_META.key) == (HASH if reply else {})
    assert ends(redis_server, STORE_META.key) == (-1 if reply else -2)


@ON_ALL_SERVERS
def test_fill_that_ends(run: Runner, redis_server: RedisServer) -> None:
    """What is filled with a time to live ends, and nothing ends that was not filled."""
    for half, store in ((MEMBERSHIP, STORE_MEMBER), (META, STORE_META)):
        lay(redis_server, half, TOKEN)
        run(scripts.fill(half, TOKEN.decode(), store, 5_000))
        assert 0 < ends(redis_server, store.key) <= 5_000
        redis_server.ask("PERSIST", store.key)
        run(scripts.fill(half, TOKEN.decode(), store, 5_000))
        assert ends(redis_server, store.key) == -1


# ---- clear and close

CLEARS = {
    "nothing": (None, "", None),
    "a token": (TOKEN, "", None),
    "a marker, not named": (MARKER, "", MARKER),
    "a marker, named": (MARKER, MARKER.decode(), None),
    "another marker than is named": (ANOTHER_MARKER, MARKER.decode(), ANOTHER_MARKER),
    "a token, and a marker is named": (TOKEN, MARKER.decode(), None),
}


@ON_ALL_SERVERS
@pytest.mark.parametrize(("held", "marker", "left"), CLEARS.values(), ids=CLEARS)
def test_clear(
    run: Runner, redis_server: RedisServer, held: bytes | None, marker: str, left: bytes | None
) -> None:
    """A half is cleared, and its token dropped or the marker that is named, but no other's marker."""
    fill_both(redis_server)
    for half in (MEMBERSHIP, META):
        lay(redis_server, half, held)
        assert run(scripts.clear(half, marker)) == 1
        assert value_beside(redis_server, half) == left
    assert redis_server.ask("SMEMBERS", MEMBERS) == {OTHER.encode()}
    assert redis_server.ask("EXISTS", STORE_META.key) == 0


@ON_ALL_SERVERS
def test_what_is_no_lease_at_all(run: Runner, redis_server: RedisServer) -> None:
    """A key of a wrong type where a lease should be refuses a fill, and goes with the next removal."""
    fill_both(redis_server)
    for half, store in ((MEMBERSHIP, STORE_MEMBER), (META, STORE_META)):
        redis_server.ask("RPUSH", half.lease, TOKEN.decode())
        assert run(scripts.fill(half, TOKEN.decode(), store, 0)) == 0
        assert run(scripts.clear(half)) == 1
        assert redis_server.ask("EXISTS", half.lease) == 0
    assert redis_server.ask("SMEMBERS", MEMBERS) == {OTHER.encode()}
    assert redis_server.ask("EXISTS", STORE_META.key) == 0


@ON_ALL_SERVERS
@pytest.mark.parametrize("held", [None, TOKEN, ANOTHER_MARKER], ids=["nothing", "a token", "a marker"])
def test_close(run: Runner, redis_server: RedisServer, held: bytes | None) -> None:
    """A half is cleared, and a marker replaces any other value, for a time."""
    fill_both(redis_server)
    for half in (MEMBERSHIP, META):
        lay(redis_server, half, held)
        assert run(scripts.close(half, MARKER.decode(), 5_000)) == 1
        assert value_beside(redis_server, half) == MARKER
        assert 0 < ends(redis_server, half.lease) <= 5_000
    assert redis_server.ask("SMEMBERS", MEMBERS) == {OTHER.encode()}
    assert redis_server.ask("EXISTS", STORE_META.key) == 0


# ---- what they are made of, and what comes back


def test_tokens_are_new() -> None:
    """No token and no marker comes twice, and no token begins as a marker does."""
    assert len({scripts.new_token() for _ in range(1_000)}) == 1_000
    assert len({scripts.new_marker() for _ in range(1_000)}) == 1_000
    assert not scripts.new_token().startswith(scripts.MARKER)
    assert scripts.new_marker().startswith(scripts.MARKER)


def test_a_token_is_read() -> None:
    """The value beside a half is a token, or none is given, or it is corrupt."""
    token = scripts.new_token()
    assert scripts.to_token(META, token.encode()) == token
    assert scripts.to_token(META, None) is None
    for corrupt in (b"\xff" * 32, b"12ab"):
        with pytest.raises(CorruptEntryError, match="blobs::sha256:c}::lease"):
            scripts.to_token(META, corrupt)
    with pytest.raises(NonsenseError):
        scripts.to_token(META, 1)


FAILED = "ERR Error running script (call to f_12ab): @user_script:3: "
WRAPPED = {
    f"{FAILED}WRONGTYPE Operation against a key": "WRONGTYPE",
    f"{FAILED}@user_script: 2: -READONLY You can't write": "READONLY",
    "READONLY You can't write against a read only replica. script: 12ab, on @user_script:2.": "READONLY",
    "ERR unknown command": "ERR",
}


@pytest.mark.parametrize(("text", "code"), WRAPPED.items())
def test_a_failure_in_a_script_is_unwrapped(text: str, code: str) -> None:
    """A failed command is reported by its own error code, by servers before 7, too."""
    assert scripts.without_wrapping(ReplyFault(text)).code == code
