"""What must always be so, one function for each promise: whether a world breaks it."""

from collections.abc import Iterator, Mapping

from tests.coherence.model.far.commands import Deed
from tests.coherence.model.far.world import Spot, World


def is_stale_yes(world: World) -> bool:
    """P1: what the cache knows is so, or the deletion that ended it is not acknowledged yet."""
    return any(spot.is_known and not world.may_say_yes(half) for half, spot in world.halves())


def is_stale_answer(world: World) -> bool:
    """P1: what a read of several steps says was so at one instant of it."""
    return any(client.is_unexplained and client.is_saying_yes for client in world.clients)


def is_lie_at_rest(world: World) -> bool:
    """P2: when all have ended, or died, and no deletion is late any more, what the cache knows is so."""
    is_at_rest = not (world.wire or world.late or any(client.program for client in world.clients))
    return is_at_rest and any(spot.is_known and not world.storage[half] for half, spot in world.halves())


def is_push_lost(world: World) -> bool:
    """P4: a push that has ended was committed, or refused by the storage."""
    return any(client.is_owing and not client.program for client in world.clients)


def is_uncachable(world: World, commands: Mapping[str, Deed]) -> bool:
    """P5: when nothing more will happen, what is so can be cached."""
    return any(world.storage[half] and not _filled(spot, commands) for half, spot in world.halves())


def _filled(spot: Spot, commands: Mapping[str, Deed]) -> bool:
    spot, token = commands["lease"](spot, "new")
    spot, _ = commands["fill"](spot, token)
    return spot.is_known


def broken(world: World, commands: Mapping[str, Deed], is_end: bool) -> Iterator[str]:
    """The promises that *world* breaks; *is_end*: nothing more can happen in it."""
    if is_stale_yes(world) or is_stale_answer(world):
        yield "P1"
    if is_lie_at_rest(world):
        yield "P2"
    if is_push_lost(world):
        yield "P4"
    if is_end and is_uncachable(world, commands):
        yield "P5"
