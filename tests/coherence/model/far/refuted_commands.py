"""Other commands, each of which breaks a promise; `broken.py` says which, and when."""

from collections.abc import Mapping

from tests.coherence.model.far.commands import COMMANDS, Deed, clear, put
from tests.coherence.model.far.faults import Happening
from tests.coherence.model.far.world import CLOSING, HELD, HOLD, NOTHING, Spot, World, name_of_half

TOMBSTONE = CLOSING + "tombstone"


def bury(_: Spot, _word: str) -> tuple[Spot, str]:
    """Clear, and leave a tombstone."""
    return Spot(beside=TOMBSTONE), NOTHING


def put_unless_buried(spot: Spot, word: str) -> tuple[Spot, str]:
    """Store, if there is no tombstone."""
    return (spot, NOTHING) if spot.beside == TOMBSTONE else put(spot, word)


def tombstones_end(world: World) -> Happening:
    """A tombstone ends, but outlives every operation: only what is late comes after it."""
    for half, spot in world.halves():
        if spot.beside == TOMBSTONE and not any(client.has_begun for client in world.clients):
            after = world.with_spot(half, spot._replace(beside=NOTHING))
            yield f"the tombstone of {name_of_half(half)} ends", after


TOMBSTONES: Mapping[str, Deed] = {**COMMANDS, "put": put_unless_buried, "clear": bury, "close": bury}


def fill_and_keep(spot: Spot, token: str) -> tuple[Spot, str]:
    """Store, if *token* lies there, and leave it there: that would do, too."""
    return spot._replace(is_known=spot.is_known or spot.beside == token), NOTHING


KEPT_TOKEN: Mapping[str, Deed] = {**COMMANDS, "fill": fill_and_keep}


def close_without_marker(spot: Spot, _: str) -> tuple[Spot, str]:
    """Clear, and drop a token; the next lease is given."""
    return clear(spot, NOTHING)


def clear_any_marker(_: Spot, _word: str) -> tuple[Spot, str]:
    """Clear, and drop whatever lies there."""
    return Spot(), NOTHING


def close_over_a_hold(_: Spot, marker: str) -> tuple[Spot, str]:
    """Clear, and place *marker*, whatever lay there: a hold ends with the next bracket."""
    return Spot(beside=marker), NOTHING


def clear_the_hold_too(spot: Spot, marker: str) -> tuple[Spot, str]:
    """Clear, and drop one's marker with the hold that is under it."""
    is_own = spot.beside.removesuffix(HELD) == marker
    return clear(spot._replace(beside=marker) if is_own else spot, marker)


def hold_without_clearing(spot: Spot, _: str) -> tuple[Spot, str]:
    """Place a hold, but do not clear what was filled while the body ran."""
    return spot._replace(beside=HOLD), NOTHING


DROPPED_HOLD: Mapping[str, Deed] = {**COMMANDS, "clear": clear_the_hold_too}
LOSABLE_HOLD: Mapping[str, Deed] = {**COMMANDS, "close": close_over_a_hold}
UNCLEARED_HOLD: Mapping[str, Deed] = {**COMMANDS, "hold": hold_without_clearing}
NO_MARKER: Mapping[str, Deed] = {**COMMANDS, "close": close_without_marker}
ANY_MARKER: Mapping[str, Deed] = {**COMMANDS, "clear": clear_any_marker}
