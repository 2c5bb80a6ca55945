"""The steps of the scripts on two halves, and the values on a server before and after them."""

from collections.abc import Callable

from layercache.backends.redis import commands, scripts
from layercache.backends.redis.commands import Command
from layercache.meta import LayerMeta
from tests.servers import RedisServer

REPO, DIGEST, OTHER = "a/b", "sha256:c", "sha256:d"
MEMBERSHIP, META = scripts.membership(REPO, DIGEST), scripts.meta_of(DIGEST)
MEMBERS = "repository::a/b::blobs"
STORE_MEMBER = commands.store_member(REPO, DIGEST)
STORE_META = commands.store_meta(DIGEST, LayerMeta("/e", 7, "f"))
HASH = {
    b"path": b"/e",
    b"length": b"7",
    b"digest": DIGEST.encode(),
    b"size": b"7",
    b"mediatype": b"f",
    b"writer": b"layercache",
}

Runner = Callable[[Command], object]

TOKEN, ANOTHER = b"1234", b"5678"
MARKER, ANOTHER_MARKER = b"closing:1234", b"closing:5678"


def lay(server: RedisServer, half: scripts.Half, held: bytes | None) -> None:
    """Store *held* as the lease beside *half*."""
    if held is not None:
        server.ask("SET", half.lease, held.decode(), "PX", 10_000)


def value_beside(server: RedisServer, half: scripts.Half) -> object:
    """The value of the lease beside *half*: a token, a marker or a hold."""
    return server.ask("GET", half.lease)


def ends(server: RedisServer, key: str) -> int:
    """In how many milliseconds *key* ends; -1 if never, -2 if there is none."""
    found = server.ask("PTTL", key)
    assert isinstance(found, int)
    return found


def fill_both(server: RedisServer) -> None:
    """Let there be a membership, beside another, and a meta."""
    server.ask("SADD", MEMBERS, DIGEST, OTHER)
    server.ask(*STORE_META.words)
