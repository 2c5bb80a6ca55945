"""Other ways to keep a near tier; which of them break a promise, `rows.py` says."""

from collections.abc import Iterator

from tests.coherence.model.near.clock import NEVER, Clock, Heartbeat
from tests.coherence.model.near.clock import World as Moment
from tests.coherence.model.near.order import (
    SET,
    TRACKING,
    WRITER,
    Item,
    Near,
    Taken,
    Task,
    World,
    changed,
)


class KeepsWithoutToken(Near):
    """Keeps what a task was answered, whatever was parsed since."""

    def may_keep(self, task: Task) -> bool:
        return True


class TokenSurvivesLoss(Near):
    """Drops its entries with the connection, but lets a task keep what came before."""

    def link_is_lost(self, world: World) -> World:
        return world._replace(near=())


class EntriesSurviveLoss(Near):
    """Voids tokens with the connection, but keeps its entries."""

    def link_is_lost(self, world: World) -> World:
        return super().link_is_lost(world)._replace(near=world.near)


class TokenSurvivesFlush(Near):
    """Drops its entries when Redis was emptied, but lets a task keep what came before."""

    def all_is_void(self, world: World) -> World:
        return world._replace(near=())


class ReadsBeforeTracking(Near):
    """Asks for tracking when it likes, and reads meanwhile."""

    def may_read(self, world: World) -> bool:
        return True

    def connects(self, world: World) -> Taken:
        return "connects", world._replace(is_up=True)

    def asks(self, world: World, number: int) -> Taken | None:
        taken = super().asks(world, number)
        if taken is None or world.is_trusting or TRACKING in world.up:
            return taken
        return f"{taken[0]}, then asks for tracking", taken[1]._replace(up=(*taken[1].up, TRACKING))


class ReadsBehindTracking(Near):
    """Sends reads right behind CLIENT TRACKING, without waiting for its answer.

    It would do, if that were never refused.
    """

    def may_read(self, world: World) -> bool:
        return world.is_up


class OwnWriteVoidsNothing(Near):
    """Waits for the push of its own write."""

    def own_is_written(self, world: World) -> World:
        return world


class OwnWriteVoidsWhenSent(Near):
    """Voids the key when its own write is sent, and not when it is answered.

    It would do: what reads after that, reads after the write, on one connection.
    """

    def writes(self, world: World) -> Taken:
        story, world = super().writes(world)
        return story, self.key_is_void(world, SET)

    def own_is_written(self, world: World) -> World:
        return world


class Broadcasts(Near):
    """Tracks with BCAST: a change is told when the loop of Redis comes around, and may be read before."""

    def is_changed(self, world: World, key: int) -> World:
        untold = tuple(sorted({*world.untold, key}))
        return world._replace(versions=changed(world.versions, key, world.versions[key] + 1), untold=untold)

    def steps(self, world: World) -> Iterator[Taken]:
        yield from super().steps(world)
        if world.untold:
            pushes = tuple(Item("push", key=key) for key in world.untold)
            yield "redis: its loop comes around", world._replace(untold=(), down=(*world.down, *pushes))


class SparesItsOwnPush(Near):
    """Tracks with NOLOOP, and voids of its own write no more than the digest that it wrote, which is 1."""

    def takes(self, world: World) -> Taken:
        story, after = super().takes(world)
        if world.up[0] != WRITER:
            return story, after
        is_told = after.down[-1].kind == "push"  # last of all, behind the reply
        return story, after._replace(down=after.down[:-1] if is_told else after.down)

    def own_is_written(self, world: World) -> World:
        tasks = tuple(task._replace(has_token=task.has_token and task.digest != 1) for task in world.tasks)
        return world._replace(near=tuple(entry for entry in world.near if entry.digest != 1), tasks=tasks)


class OthersPushNothing(Near):
    """Ours, where others change Redis in a way of which it tells nobody (SWAPDB)."""

    def others_change(self, world: World) -> Taken:
        story, after = super().others_change(world)
        return f"{story}, and nobody is told", after._replace(down=world.down)


class TrustsFromArrival(Clock):
    """Counts from the arrival of the PONG."""

    def trusted_since(self, world: Moment, beat: Heartbeat) -> int:
        return world.now if beat.kind == "pong" else NEVER


class TrustsErrors(Clock):
    """Takes any reply for a heartbeat."""

    def trusted_since(self, world: Moment, beat: Heartbeat) -> int:
        return beat.sent_at


class OldMasterDoesNotKnow(Clock):
    """Ours, before a server that was replaced and has not heard of it."""

    def answer(self, world: Moment) -> str:
        return "pong"
