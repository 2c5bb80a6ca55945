"""What Redis does, one function for each command; see `layercache/backends/redis/scripts.py`.

Each takes what is known of one half and lies beside it, and the word that the
command brings along, and returns what is there afterwards. `lease` alone has a
reply that matters.
"""

from collections.abc import Callable, Mapping

from tests.coherence.model.far.world import CLOSING, HELD, HOLD, NOTHING, Spot

Deed = Callable[[Spot, str], tuple[Spot, str]]


def is_marker(word: str) -> bool:
    """Whether *word* is a closing marker."""
    return word.startswith(CLOSING)


def is_held(word: str) -> bool:
    """Whether there is a hold in *word*, under a marker or alone."""
    return word.endswith(HELD)


def lease(spot: Spot, token: str) -> tuple[Spot, str]:
    """Reply with the token that lies there, *token* if none does, nothing under a marker."""
    if is_marker(spot.beside):
        return spot, NOTHING
    if spot.beside == NOTHING:
        return spot._replace(beside=token), token
    return spot, spot.beside


def fill(spot: Spot, token: str) -> tuple[Spot, str]:
    """Store, if *token* lies there, and drop it."""
    return (Spot(is_known=True) if spot.beside == token else spot), NOTHING


def clear(spot: Spot, marker: str) -> tuple[Spot, str]:
    """Clear, and drop a token, or the marker if it is *marker*, but no hold."""
    is_own = spot.beside.removesuffix(HELD) == marker
    if is_own and is_held(spot.beside):
        return Spot(beside=HOLD), NOTHING
    stays = is_marker(spot.beside) and not is_own
    return Spot(beside=spot.beside if stays else NOTHING), NOTHING


def close(spot: Spot, marker: str) -> tuple[Spot, str]:
    """Clear, and place *marker*, whatever lay there; a hold stays under it."""
    return Spot(beside=marker + (HELD if is_held(spot.beside) else NOTHING)), NOTHING


def hold(_: Spot, _word: str) -> tuple[Spot, str]:
    """Clear, and place a hold, whatever lay there."""
    return Spot(beside=HOLD), NOTHING


def put(spot: Spot, _: str) -> tuple[Spot, str]:
    """Store, whatever lies there: the plain word."""
    return spot._replace(is_known=True), NOTHING


COMMANDS: Mapping[str, Deed] = {
    "lease": lease,
    "fill": fill,
    "clear": clear,
    "close": close,
    "hold": hold,
    "put": put,
}
