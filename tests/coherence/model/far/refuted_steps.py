"""Other steps, each of which breaks a promise; `broken.py` says which, and when.

Each operation differs from ours in one thing. (`remove_raising` does not: its body does.)
"""

from tests.coherence.model.far import brackets, reading
from tests.coherence.model.far.steps import Taken, ask_for_lease, at_once, fill, finish, go_on, send
from tests.coherence.model.far.world import META, NOTHING, World, name_of

# ---- leases and fills


def read_with_one_token(world: World, me: int) -> Taken:
    """Ask for a lease as ever; but each sending of the request brings the same token."""
    words = dict.fromkeys((world.clients[me].half, META), name_of(me))
    return "asks for a lease", send(
        world, me, "lease", words, again=read_with_one_token, then=reading.ask_for_blob
    )


def read_with_half_a_lease(world: World, me: int) -> Taken:
    """Ask for a lease as ever; but fill one half without looking at its token."""
    return ask_for_lease(world, me, again=read_with_half_a_lease, then=ask_with_half_a_lease)


def ask_with_half_a_lease(world: World, me: int) -> Taken:
    """Ask the storage for the blob."""
    return reading.blob_asked(world, me, then=ask_again_with_half_a_lease)


def ask_again_with_half_a_lease(world: World, me: int) -> Taken:
    """Ask the storage for the link."""
    return reading.link_asked(world, me, then=put_meta)


def put_meta(world: World, me: int) -> Taken:
    """Store the meta, whatever lies beside it; then fill."""
    return "puts the meta", send(world, me, "put", {META: NOTHING}, again=None, then=fill)


def read_and_put(world: World, me: int) -> Taken:
    """Ask the storage for the blob, without a lease: what a Go registry does."""
    return reading.blob_asked(world, me, then=ask_again_and_put)


def ask_again_and_put(world: World, me: int) -> Taken:
    """Ask the storage for the link."""
    return reading.link_asked(world, me, then=put_both)


def confirm_and_put(world: World, me: int) -> Taken:
    """Ask the storage for the blob, without a lease."""
    return reading.blob_asked(world, me, then=confirm_again_and_put, otherwise=reading.clear_membership)


def confirm_again_and_put(world: World, me: int) -> Taken:
    """Ask the storage for the link."""
    return reading.link_asked(world, me, then=put_both, otherwise=reading.clear_membership)


def put_both(world: World, me: int) -> Taken:
    """Store both halves, whatever lies beside them."""
    words = dict.fromkeys((world.clients[me].half, META), NOTHING)
    return "puts both halves", send(world, me, "put", words, again=None)


# ---- adding


def add_and_put(world: World, me: int) -> Taken:
    """Commit, and store both halves plainly."""
    half = world.clients[me].half
    world = brackets.committed(brackets.committed(world, META), half)
    return at_once("the storage commits", world, me, put_both)


def add_then_lease(world: World, me: int) -> Taken:
    """Commit first."""
    half = world.clients[me].half
    world = brackets.committed(brackets.committed(world, META), half)
    return at_once("the storage commits", world, me, lease_and_fill)


def lease_and_fill(world: World, me: int) -> Taken:
    """Ask for a lease when the storage has answered."""
    return ask_for_lease(world, me, again=lease_and_fill, then=fill)


def add_with_a_lease_only(world: World, me: int) -> Taken:
    """Ask for a lease, and do nothing without it."""
    world = world.with_client(me, world.clients[me]._replace(is_owing=True))
    return ask_for_lease(world, me, again=add_with_a_lease_only, then=brackets.commit)


# ---- removing


def remove_and_clear(world: World, me: int) -> Taken:
    """Delete, and clear then: no bracket."""
    return at_once(brackets.deleting(world, me), brackets.deleted(world, me), me, brackets.end_closing)


def close_and_delete(world: World, me: int) -> Taken:
    """Begin closing as ever; but do not end it."""
    return brackets.close(world, me, again=close_and_delete, then=delete_and_acknowledge)


def delete_and_acknowledge(world: World, me: int) -> Taken:
    """Acknowledge what was cleared before it was deleted."""
    return at_once(brackets.deleting(world, me), brackets.deleted(world, me), me, brackets.acknowledge)


def remove_raising(world: World, me: int) -> Taken:
    """Ours, with a body that raises after it has deleted."""
    return brackets.close(world, me, again=remove_raising, then=raise_and_end)


def raise_and_end(world: World, me: int) -> Taken:
    """Delete, raise; and end closing."""
    story = f"{brackets.deleting(world, me)}, the body RAISES"
    return at_once(story, brackets.deleted(world, me), me, end_unacknowledged)


def end_unacknowledged(world: World, me: int) -> Taken:
    """End closing; the error is passed on."""
    return brackets.reopen(world, me, again=end_unacknowledged)


def remove_raising_unended(world: World, me: int) -> Taken:
    """The same, without an end."""
    return brackets.close(world, me, again=remove_raising_unended, then=raise_at_once)


def raise_at_once(world: World, me: int) -> Taken:
    """Delete, and raise."""
    story = f"{brackets.deleting(world, me)}, the body RAISES"
    return story, finish(brackets.deleted(world, me), me)


def interrupt_and_release(world: World, me: int) -> Taken:
    """Begin closing, for a body that is interrupted, and end as after any other."""
    return brackets.close(world, me, again=interrupt_and_release, then=interrupted_and_released)


def interrupted_and_released(world: World, me: int) -> Taken:
    """Leave the body while the storage may still delete; and drop the marker."""
    return at_once("the body is INTERRUPTED", brackets.requested(world, me), me, end_unacknowledged)


def interrupt_and_leave(world: World, me: int) -> Taken:
    """Begin closing, for a body that is interrupted, and leave the marker to its own end."""
    return brackets.close(world, me, again=interrupt_and_leave, then=interrupted_and_left)


def interrupted_and_left(world: World, me: int) -> Taken:
    """Leave the body while the storage may still delete; the marker is as old as the bracket."""
    return "the body is INTERRUPTED", finish(brackets.requested(world, me), me)


def remove_unannounced(world: World, me: int) -> Taken:
    """Begin closing; and delete even if Redis does not answer."""
    return brackets.close(
        world, me, again=remove_unannounced, then=brackets.delete, otherwise=brackets.delete
    )


def remove_unended(world: World, me: int) -> Taken:
    """Begin closing as ever; but acknowledge even if Redis does not answer at the end."""
    return brackets.close(world, me, again=remove_unended, then=delete_and_hope)


def delete_and_hope(world: World, me: int) -> Taken:
    """Delete, and end closing if that can be."""
    return at_once(brackets.deleting(world, me), brackets.deleted(world, me), me, end_and_hope)


def end_and_hope(world: World, me: int) -> Taken:
    """End closing, or not, and acknowledge."""
    then = brackets.acknowledge
    return brackets.reopen(world, me, again=end_and_hope, then=then, otherwise=then)


def remove_before_storage_does(world: World, me: int) -> Taken:
    """Begin closing, over a storage that deletes in its own time."""
    return brackets.close(world, me, again=remove_before_storage_does, then=end_before_storage_does)


def end_before_storage_does(world: World, me: int) -> Taken:
    """End closing, before it is deleted."""
    return brackets.reopen(world, me, again=end_before_storage_does, then=delete_and_acknowledge)


# ---- reads of several steps


def stat_membership_first(world: World, me: int) -> Taken:
    """Read the membership, and then the meta."""
    half = world.clients[me].half
    return reading.recall(reading.begun_reading(world, me), me, half, then=recall_meta)


def recall_meta(world: World, me: int) -> Taken:
    """Read the meta."""
    return reading.recall(world, me, META, then=reading.answer)


def membership_alone(world: World, me: int) -> Taken:
    """Read the membership, and say yes."""
    client = world.clients[me]
    if not world.redis[client.half].is_known:
        return "the cache does not know", finish(world, me)
    world = world.with_client(me, client._replace(answers=(True, True), is_unexplained=True))
    return "the cache knows that it is a member: YES", go_on(world, me, reading.leave)


def join_late(world: World, me: int) -> Taken | None:
    """Join the flight of the first client as long as it flies."""
    if not world.clients[0].has_begun:
        return None
    return "joins the flight", go_on(reading.begun_reading(world, me), me, reading.aboard)
