"""The brackets around what changes the storage: see `layercache/removal.py` and `cache.py`."""

from tests.coherence.model.far.steps import (
    Taken,
    ask_for_lease,
    at_once,
    fill,
    finish,
    go_on,
    new_marker,
    send,
)
from tests.coherence.model.far.world import META, NOTHING, Step, World

# ---- removing and forgetting: the bracket around a deletion


def begin_closing(world: World, me: int) -> Taken:
    """Announce the deletion; the body does not run without that."""
    return close(world, me, again=begin_closing, then=delete)


def close(world: World, me: int, *, again: Step, then: Step, otherwise: Step | None = None) -> Taken:
    """Place a marker of one's own."""
    client = world.clients[me]._replace(marker=new_marker(world, me))
    world = world.with_client(me, client)
    words = {client.half: client.marker}
    return "begins closing", send(world, me, "close", words, again=again, then=then, otherwise=otherwise)


def delete(world: World, me: int) -> Taken:
    """Delete the link or the blob: the body; and end closing."""
    return at_once(deleting(world, me), deleted(world, me), me, end_closing)


def deleting(world: World, me: int) -> str:
    """What is told of a deletion."""
    return "the storage deletes the " + ("blob" if world.clients[me].half == META else "link")


def deleted(world: World, me: int) -> World:
    """The world after a deletion, which is not acknowledged yet."""
    client = world.clients[me]
    if world.storage[client.half]:
        client = client._replace(deletions=(*client.deletions, client.half))
    return world.with_fact(client.half, is_there=False).with_client(me, client)


def end_closing(world: World, me: int) -> Taken:
    """Clear again; if that fails, nothing is acknowledged."""
    return reopen(world, me, again=end_closing, then=acknowledge)


def reopen(
    world: World, me: int, *, again: Step, then: Step | None = None, otherwise: Step | None = None
) -> Taken:
    """Clear, and drop one's own marker."""
    client = world.clients[me]
    words = {client.half: client.marker}
    return "ends closing", send(world, me, "clear", words, again=again, then=then, otherwise=otherwise)


def interrupt(world: World, me: int) -> Taken:
    """Begin closing, for a body that will be interrupted."""
    return close(world, me, again=interrupt, then=interrupted)


def interrupted(world: World, me: int) -> Taken:
    """Leave the body while the storage may still delete; and leave a hold."""
    return at_once("the body is INTERRUPTED", requested(world, me), me, hold)


def requested(world: World, me: int) -> World:
    """The world in which the storage may still delete."""
    return world._replace(late=tuple(sorted({*world.late, (me, world.clients[me].half)})))


def hold(world: World, me: int) -> Taken:
    """Clear, and leave a hold; the error is passed on."""
    words = {world.clients[me].half: NOTHING}
    return "leaves a hold", send(world, me, "hold", words, again=hold)


def reconcile(world: World, me: int) -> Taken:
    """Begin closing, for a body that only asks the storage, as a reconciler's does."""
    return close(world, me, again=reconcile, then=asked)


def asked(world: World, me: int) -> Taken:
    """Ask the storage; and end closing."""
    return at_once("asks the storage", world, me, end_asked)


def end_asked(world: World, me: int) -> Taken:
    """End closing; nothing was deleted, so there is nothing to acknowledge."""
    return reopen(world, me, again=end_asked)


def acknowledge(world: World, me: int) -> Taken:
    """Tell the caller that it is deleted."""
    client = world.clients[me]
    deletions = tuple(half for half in client.deletions if half != client.half)
    world = world.with_client(me, client._replace(deletions=deletions))
    return "ACKNOWLEDGED", finish(world, me)


# ---- adding: the bracket around a commit


def add(world: World, me: int) -> Taken:
    """Ask for a lease, and go on without it."""
    world = world.with_client(me, world.clients[me]._replace(is_owing=True))
    return ask_for_lease(world, me, again=add, then=commit, otherwise=commit)


def commit(world: World, me: int) -> Taken:
    """Commit a push: the body; and fill."""
    half = world.clients[me].half
    world = committed(committed(world, META), half)
    return at_once("the storage commits", paid(world, me), me, fill)


def mount(world: World, me: int) -> Taken:
    """Ask for a lease, and go on without it."""
    world = world.with_client(me, world.clients[me]._replace(is_owing=True))
    return ask_for_lease(world, me, again=mount, then=look_at_source, otherwise=look_at_source)


def look_at_source(world: World, me: int) -> Taken:
    """Refuse to mount what the other repository does not have."""
    source = world.clients[me].program[0].source
    if not (world.storage[source] and world.storage[META]):
        return "the storage has nothing to mount", finish(paid(world, me), me)
    return f"the storage has it in r{source}", go_on(world, me, link)


def link(world: World, me: int) -> Taken:
    """Commit a mount; and fill."""
    world = committed(world, world.clients[me].half)
    return at_once("the storage links it", paid(world, me), me, fill)


def committed(world: World, half: int) -> World:
    """The world with that fact; no deletion made it untrue any more."""
    for me, client in enumerate(world.clients):
        if half in client.deletions:
            rest = tuple(other for other in client.deletions if other != half)
            world = world.with_client(me, client._replace(deletions=rest))
    return world.with_fact(half, is_there=True)


def paid(world: World, me: int) -> World:
    """The world when a push has had its commit, or its refusal."""
    return world.with_client(me, world.clients[me]._replace(is_owing=False))
