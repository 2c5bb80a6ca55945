"""What can go wrong, one function for each kind.

Each tells what can happen in a world, and the world then. What can happen once
or twice is paid from the `Budget`; tokens expire and data are evicted as often
as they please.
"""

from collections.abc import Callable, Iterator

from tests.coherence.model.far.commands import is_held, is_marker
from tests.coherence.model.far.world import (
    HELD,
    HOLD,
    META,
    NOTHING,
    Client,
    Spot,
    World,
    name_of,
    name_of_half,
)

Happening = Iterator[tuple[str, World]]
Fault = Callable[[World], Happening]


# ---- time, and eviction


def tokens_end(world: World) -> Happening:
    """A token expires at any time; that it is evicted is the same to all."""
    for half, spot in world.halves():
        if spot.beside != NOTHING and not is_marker(spot.beside):
            yield from _lost(world, half, spot)


def markers_end(world: World) -> Happening:
    """A marker expires or is evicted at any time, though its deletion may not have begun."""
    for half, spot in world.halves():
        if is_marker(spot.beside):
            yield from _lost(world, half, spot)


def markers_outlive_bodies(world: World) -> Happening:
    """A marker expires at any time when nobody is in a bracket of its half, a hold if no deletion is late."""
    for half, spot in world.halves():
        if is_held(spot.beside):
            if not any(late == half for _, late in world.late):
                yield _released(world, half, spot)
        elif is_marker(spot.beside) and not any(
            client.marker and client.half == half for client in world.clients
        ):
            yield from _lost(world, half, spot)


def data_are_evicted(world: World) -> Happening:
    """A half that is known is known no more; that it expires is the same."""
    for half, spot in world.halves():
        if spot.is_known:
            yield f"redis evicts {name_of_half(half)}", world.with_spot(half, spot._replace(is_known=False))


def _released(world: World, half: int, spot: Spot) -> tuple[str, World]:
    marker = NOTHING if spot.beside == HOLD else spot.beside.removesuffix(HELD)
    return f"the hold beside {name_of_half(half)} ends", world.with_spot(half, spot._replace(beside=marker))


def _lost(world: World, half: int, spot: Spot) -> Happening:
    story = f"{spot.beside} beside {name_of_half(half)} ends"
    yield story, world.with_spot(half, spot._replace(beside=NOTHING))


# ---- the storage


def storage_deletes_late(world: World) -> Happening:
    """The storage deletes what an interrupted body has asked for, or has lost the request."""
    for request in world.late:
        me, half = request
        after = world._replace(late=tuple(other for other in world.late if other != request))
        what = "blob" if half == META else "link"
        yield f"the storage never hears that {name_of(me)} deletes the {what}", after
        if world.storage[half]:
            client = world.clients[me]
            client = client._replace(deletions=(*client.deletions, half))
            after = after.with_fact(half, is_there=False).with_client(me, client)
        yield f"the storage deletes the {what} LATE, for {name_of(me)}", after


# ---- clients and connections


def clients_give_up(world: World) -> Happening:
    """A client gives up waiting, or sends again; the command is still on its way, or is lost."""
    for me, client in enumerate(world.clients):
        if not client.awaited:
            continue
        on_its_way = [command for command in client.awaited if command in world.wire]
        if not on_its_way:  # nothing will come
            yield from _given_up(world, me, "has lost its connection")
        elif world.budget.give_ups:
            budget = world.budget._replace(give_ups=world.budget.give_ups - 1)
            poorer = world._replace(budget=budget)
            yield from _given_up(poorer, me, "gives up")
            yield from _given_up(poorer.without(on_its_way), me, "loses its connection")


def _given_up(world: World, me: int, how: str) -> Happening:
    client = world.clients[me]._replace(awaited=())
    story = f"{name_of(me)} {how}"
    if client.again is not None:
        taken = client.again(world.with_client(me, client), me)
        assert taken is not None
        yield f"{story}, and once more {taken[0]}", taken[1]
    if client.otherwise is None:
        fails = "fails" if client.marker or client.is_owing else "is over"
        yield f"{story}, and {client.program[0].name} {fails}", world.with_client(me, client.ended())
    else:
        resigned = client._replace(then=client.otherwise, otherwise=None, again=None, tokens=())
        yield f"{story}, and goes on", world.with_client(me, resigned)


def clients_crash(world: World) -> Happening:
    """A client dies in the middle of an operation; what it sent is still on its way, or is lost."""
    if not world.budget.crashes:
        return
    poorer = world._replace(budget=world.budget._replace(crashes=world.budget.crashes - 1))
    for me, client in enumerate(world.clients):
        if client.has_begun:
            after = poorer.with_client(me, Client(deletions=client.deletions))
            sent = [command for command in world.wire if command.sender == me]
            yield f"{name_of(me)} DIES", after
            if sent:
                yield f"{name_of(me)} DIES, with all that it sent", after.without(sent)


# ---- Redis


def flushall(world: World) -> Happening:
    """Somebody empties Redis: what is known, tokens and markers."""
    if world.budget.losses:
        yield "FLUSHALL", _emptied(world)


def comes_back_empty(world: World) -> Happening:
    """Redis dies, and with it every connection; a new one starts with nothing."""
    if world.budget.losses:
        yield "redis dies, and comes back EMPTY", _emptied(world)._replace(wire=())


def old_data_come_back(world: World) -> Happening:
    """A replica, or what was last written to a disk, takes the place of all that came since."""
    if not world.budget.losses:
        return
    if not world.replica:
        yield "the replica hears no more of redis", world._replace(replica=world.redis)
    else:
        story = "redis dies, and the replica takes over, with OLD DATA"
        yield story, _emptied(world)._replace(redis=world.replica, replica=(), wire=())


def _emptied(world: World) -> World:
    budget = world.budget._replace(losses=world.budget.losses - 1)
    return world._replace(redis=tuple(Spot() for _ in world.redis), budget=budget)
