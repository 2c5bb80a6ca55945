"""Other ways to keep a near tier; which of them break a promise, `rows.py` says."""

from tests.coherence.model.near.clock import NEVER, Clock, Heartbeat
from tests.coherence.model.near.clock import World as Moment
from tests.coherence.model.near.order import SET, TRACKING, Near, Taken, Task, World


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
