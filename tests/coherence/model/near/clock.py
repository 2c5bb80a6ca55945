"""The near tier, second half: time.

Order makes an entry right as soon as its push is parsed. But a network may fall
silent without a word, and then no push is parsed, and nothing else is. So what
is near is trusted for `MAX` ticks only, and trust is renewed by heartbeats: a
PING that was answered shows that every push before the answer was parsed. It
shows that of the instant at which Redis answered, and nobody here knows that
instant; only that it was not before the sending of the PING.

    1  PING is sent, and answered: PONG is in the stream
    2  another changes the key, and is told so: the push is in the stream
    3  the network takes its time
    4  PONG arrives       <- what is known now is about 1

One entry, which lies near from the beginning; one change, told to its writer in
the instant in which Redis makes it. Where the server was replaced by another
(`is_replaced`), changes are made there, and no push comes from here any more.

Bounds: six ticks, trust for two, a PING each tick and two on their way at most.
"""

from collections.abc import Iterator
from typing import NamedTuple

MAX = 2
END = 6
NEVER = -1


class Heartbeat(NamedTuple):
    """In the stream from Redis: a PONG, an error in its place, or the push."""

    kind: str
    sent_at: int = 0


class World(NamedTuple):
    """All there is at an instant.

    Attributes:
        now: The tick.
        changed_at: When another changed the key, and was told.
        pings: When each PING was sent that is on its way to Redis.
        down: What Redis has sent, and is not parsed yet.
        trusted_since: What `MAX` is counted from.
        is_near: Whether the old entry is still kept.
        is_silent: Whether nothing comes through any more.
        is_replaced: Whether another server is the master.
        has_pinged: Whether this tick has had its PING.
    """

    now: int = 0
    changed_at: int = NEVER
    pings: tuple[int, ...] = ()
    down: tuple[Heartbeat, ...] = ()
    trusted_since: int = 0
    is_near: bool = True
    is_silent: bool = False
    is_replaced: bool = False
    has_pinged: bool = False


Taken = tuple[str, World]


class Clock:
    """What happens, and for how long it is trusted."""

    def steps(self, world: World) -> Iterator[Taken]:
        """All that may happen next."""
        if world.now < END:
            yield f"it is {world.now + 1}", world._replace(now=world.now + 1, has_pinged=False)
        if not world.has_pinged and len(world.pings) < 2:
            yield (
                f"PING is sent at {world.now}",
                world._replace(pings=(*world.pings, world.now), has_pinged=True),
            )
        if world.changed_at == NEVER:
            yield self.another_changes(world)
        if world.pings:
            yield self.is_answered(world)
        if world.down and not world.is_silent:
            yield self.parses(world)
        if not world.is_silent:
            yield "the network falls SILENT", world._replace(is_silent=True)
        yield from self.befalls(world)

    def another_changes(self, world: World) -> Taken:
        """The old entry is wrong from now on."""
        story = f"another changes the key, and is told at {world.now}"
        pushes = () if world.is_replaced else (Heartbeat("push"),)
        return story, world._replace(changed_at=world.now, down=(*world.down, *pushes))

    def is_answered(self, world: World) -> Taken:
        """Redis answers a PING; one that knows that it is no master, by an error."""
        kind = self.answer(world)
        story = f"redis: {kind} to the PING of {world.pings[0]}"
        beat = Heartbeat(kind, world.pings[0])
        return story, world._replace(pings=world.pings[1:], down=(*world.down, beat))

    def answer(self, world: World) -> str:
        """What PING is answered with."""
        return "error" if world.is_replaced else "pong"

    def parses(self, world: World) -> Taken:
        """The next item of the stream arrives."""
        item, world = world.down[0], world._replace(down=world.down[1:])
        if item.kind == "push":
            return "parses the push", world._replace(is_near=False)
        since = max(world.trusted_since, self.trusted_since(world, item))
        return f"parses the {item.kind} to the PING of {item.sent_at}", world._replace(trusted_since=since)

    def trusted_since(self, world: World, beat: Heartbeat) -> int:
        """Trust counts from the sending of the PING, and an error is no heartbeat."""
        return beat.sent_at if beat.kind == "pong" else NEVER

    def befalls(self, world: World) -> Iterator[Taken]:
        """What befalls the server."""
        if not world.is_replaced and world.changed_at == NEVER:
            yield "another server becomes the master", world._replace(is_replaced=True)


def broken(world: World, _is_end: bool) -> Iterator[str]:
    """The promises that *world* breaks."""
    is_served = world.is_near and world.now <= world.trusted_since + MAX
    if is_served and NEVER < world.changed_at < world.now - MAX:
        yield "I4"
