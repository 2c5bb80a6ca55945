"""A real Redis does what the models say that it does."""

import re
import socket

import hiredis
import pytest

from layercache.backends.redis import scripts
from layercache.backends.redis.commands import Command, store_member, store_meta
from layercache.backends.redis.resp import pack
from layercache.backends.redis.scripts import MARKER, Half, membership, meta_of, with_text
from layercache.meta import LayerMeta
from tests.coherence.model.far.commands import COMMANDS
from tests.coherence.model.far.world import CLOSING, HELD, HOLD, NOTHING, Spot
from tests.servers import RedisServer

REPO, DGST = "team/app", "sha256:" + "0" * 64
HALVES = {
    "membership": (membership(REPO, DGST), store_member(REPO, DGST)),
    "meta": (meta_of(DGST), store_meta(DGST, LayerMeta("/data", 1))),
}
LIFE = 60_000
END = 4_000_000_000_000  # of a hold, in milliseconds: some time in the year 2096
TOKEN, MARKED = "A0", CLOSING + "A0"
BESIDE = (NOTHING, TOKEN, "B0", MARKED, CLOSING + "B0", HOLD, MARKED + HELD, CLOSING + "B0" + HELD)
SPOTS = [Spot(is_known, beside) for is_known in (False, True) for beside in BESIDE]
DEEDS = (
    ("lease", TOKEN),
    ("fill", TOKEN),
    ("clear", NOTHING),
    ("clear", MARKED),
    ("close", MARKED),
    ("hold", NOTHING),
)


def step(name: str, half: Half, store: Command, word: str) -> Command:
    """The script that the model calls *name*."""
    steps = {
        "lease": lambda: scripts.lease(half, word, LIFE),
        "fill": lambda: scripts.fill(half, word, store, 0),
        "clear": lambda: scripts.clear(half, real(word)),
        "close": lambda: scripts.close(half, real(word), LIFE),
        "hold": lambda: scripts.hold(half, LIFE),
    }
    return with_text(steps[name]())


def real(word: str) -> str:
    """How Redis writes what the model calls *word*."""
    return word.replace(CLOSING, MARKER).replace(HELD, f":{END}")


@pytest.mark.parametrize("spot", SPOTS, ids=str)
@pytest.mark.parametrize("half", HALVES)
def test_script(redis_server: RedisServer, half: str, spot: Spot) -> None:
    """A script leaves of a half, and of what lies beside it, what the model's command leaves."""
    place, store = HALVES[half]
    for name, word in DEEDS:
        redis_server.ask("FLUSHALL")
        if spot.is_known:
            redis_server.ask(*store.words)
        if spot.beside:
            redis_server.ask("SET", place.lease, real(spot.beside))
        reply = redis_server.ask(*step(name, place, store, word).words)
        after, told = COMMANDS[name](spot, word)
        assert redis_server.ask("EXISTS", store.key) == after.is_known
        held = redis_server.ask("GET", place.lease) or b""
        assert isinstance(held, bytes)
        assert re.sub(r":\d{13}$", f":{END}", held.decode()) == real(after.beside)
        assert name != "lease" or reply == (told.encode() or None)


def test_push(redis_server: RedisServer) -> None:
    """The push of a change comes after what was read before it, and after the reply to one's own."""
    stream = hiredis.Reader()
    told: list[object] = []
    with socket.create_connection(("127.0.0.1", redis_server.port)) as connection:

        def ask(*words: str) -> None:
            connection.sendall(pack(*words).encode())

        def hear(number: int) -> None:
            while len(told) < number:
                item = stream.gets()
                if item is False:
                    stream.feed(connection.recv(4096))
                else:
                    told.append("push" if isinstance(item, hiredis.PushNotification) else item)

        ask("HELLO", "3")
        ask("CLIENT", "TRACKING", "ON")
        hear(2)
        ask("SISMEMBER", "key", "a")
        hear(3)
        redis_server.ask("SADD", "key", "a")
        ask("SISMEMBER", "key", "a")
        ask("SADD", "key", "b")
        hear(7)
    assert told[2:] == [0, "push", 1, 1, "push"]
