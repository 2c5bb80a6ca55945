"""What reads, one function for each step: see `layercache/readthrough/cache.py` and `flight.py`."""

from tests.coherence.model.far.steps import Taken, ask_for_lease, at_once, fill, finish, go_on, send
from tests.coherence.model.far.world import META, NOTHING, Step, World

# ---- the two questions to the storage


def blob_asked(world: World, me: int, *, then: Step, otherwise: Step | None = None) -> Taken:
    """Ask for the blob: *then* comes later, *otherwise* at once, or the end."""
    if world.storage[META]:
        return "the storage has the blob", go_on(world, me, then)
    return _gone("the storage has no blob", world, me, otherwise)


def link_asked(world: World, me: int, *, then: Step, otherwise: Step | None = None) -> Taken:
    """Ask for the link: *then* or *otherwise* at once, or the end."""
    if world.storage[world.clients[me].half]:
        return at_once("the storage has the link", world, me, then)
    return _gone("the storage has no link", world, me, otherwise)


def _gone(story: str, world: World, me: int, otherwise: Step | None) -> Taken:
    return (story, finish(world, me)) if otherwise is None else at_once(story, world, me, otherwise)


# ---- read: what a read-through does after a miss. `locate` is the same for the
# meta alone, and asks for the blob twice.


def read(world: World, me: int) -> Taken:
    """Ask for a lease; without one, what the storage says is not remembered."""
    return ask_for_lease(world, me, again=read, then=ask_for_blob)


def ask_for_blob(world: World, me: int) -> Taken:
    """Ask the storage."""
    return blob_asked(world, me, then=ask_for_link)


def ask_for_link(world: World, me: int) -> Taken:
    """Ask the storage, and fill."""
    return link_asked(world, me, then=fill)


# ---- confirm: ask the storage whatever the cache knows, and heal it


def confirm(world: World, me: int) -> Taken:
    """Ask for a lease, and go on without it."""
    return ask_for_lease(world, me, again=confirm, then=confirm_blob, otherwise=confirm_blob)


def confirm_blob(world: World, me: int) -> Taken:
    """Ask the storage; a no is cleared."""
    return blob_asked(world, me, then=confirm_link, otherwise=clear_membership)


def confirm_link(world: World, me: int) -> Taken:
    """Ask the storage; a yes is filled."""
    return link_asked(world, me, then=fill, otherwise=clear_membership)


def clear_membership(world: World, me: int) -> Taken:
    """Remove: a plain one, without a bracket. What `report_missing` begins with, too."""
    words = {world.clients[me].half: NOTHING}
    return "clears the membership", send(
        world, me, "clear", words, again=clear_membership, then=clear_meta, otherwise=clear_meta
    )


def clear_meta(world: World, me: int) -> Taken:
    """Forget: a plain one, without a bracket."""
    return "clears the meta", send(world, me, "clear", {META: NOTHING}, again=clear_meta)


# ---- stat: what the cache says, read at two instants


def stat(world: World, me: int) -> Taken:
    """Read the meta."""
    return recall(begun_reading(world, me), me, META, then=recall_membership)


def recall_membership(world: World, me: int) -> Taken:
    """Read the membership."""
    return recall(world, me, world.clients[me].half, then=answer)


def begun_reading(world: World, me: int) -> World:
    """The world when a read has begun; from now on its yes may be explained."""
    return world.with_client(me, world.clients[me]._replace(is_unexplained=True))


def recall(world: World, me: int, half: int, then: Step) -> Taken:
    """Read a half of what the cache knows; a miss ends the operation."""
    if not world.redis[half].is_known:
        return "the cache does not know", finish(world, me)
    what = "where it lies" if half == META else "that it is a member"
    client = world.clients[me]
    world = world.with_client(me, client._replace(answers=(*client.answers, True)))
    return f"the cache knows {what}", go_on(world, me, then)


def answer(world: World, me: int) -> Taken:
    """Say yes."""
    return "says YES", finish(world, me)


# ---- a flight, and those who join it. The flight is the first client's.


def fly(world: World, me: int) -> Taken:
    """Do as `read` does, for others too."""
    return ask_for_lease(world, me, again=fly, then=fly_to_blob, otherwise=fly_to_blob)


def fly_to_blob(world: World, me: int) -> Taken:
    """Ask the storage for the blob; from now on nobody may join."""
    return ask_in_flight(world, me, META, then=fly_to_link)


def fly_to_link(world: World, me: int) -> Taken:
    """Ask the storage for the link."""
    return ask_in_flight(world, me, world.clients[me].half, then=fill_in_flight)


def ask_in_flight(world: World, me: int, half: int, then: Step) -> Taken:
    """Ask the storage one question."""
    is_there = world.storage[half]
    client = world.clients[me]
    client = client._replace(answers=(*client.answers, is_there))
    what = "blob" if half == META else "link"
    story = f"the storage has {'the' if is_there else 'no'} {what}"
    return story, go_on(world.with_client(me, client), me, then if is_there else land)


def fill_in_flight(world: World, me: int) -> Taken:
    """Fill, and land."""
    tokens = dict(world.clients[me].tokens)
    if not tokens or NOTHING in tokens.values():
        return "has no lease, and fills nothing", go_on(world, me, land)
    return "fills", send(world, me, "fill", tokens, again=fill_in_flight, then=land, otherwise=land)


def land(world: World, me: int) -> Taken:
    """Hand the answer to those aboard."""
    answers = world.clients[me].answers
    for passenger, client in enumerate(world.clients):
        if client.then is aboard:
            world = world.with_client(passenger, client._replace(answers=answers, then=leave))
    return f"lands, with {'YES' if all(answers) else 'no'}", finish(world, me)


def join(world: World, me: int) -> Taken | None:
    """Join the flight of the first client, if it has not asked the storage yet."""
    flight = world.clients[0]
    if not flight.has_begun or flight.answers:
        return None
    return "joins the flight", go_on(begun_reading(world, me), me, aboard)


def aboard(_: World, _me: int) -> None:
    """Wait until the flight lands."""


def leave(world: World, me: int) -> Taken:
    """Be answered."""
    return "leaves", finish(world, me)
