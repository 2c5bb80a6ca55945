"""The far tier as a model: who may act in a world, and what then."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tests.coherence.model.explore import Exploration, Model, explore
from tests.coherence.model.far.commands import COMMANDS, Deed
from tests.coherence.model.far.faults import Fault
from tests.coherence.model.far.operations import OPERATIONS, program
from tests.coherence.model.far.promises import broken
from tests.coherence.model.far.world import Budget, Client, Command, Spot, Step, World, name_of, name_of_half


class Scenario(NamedTuple):
    """Where a search begins.

    Attributes:
        programs: What each client does: `read r0 | remove r0, add r0`.
        links: The repositories that have the layer. The blob is there if one has.
        known: Whether the cache knows all that at first.
        repositories: How many there are.
    """

    programs: str
    links: tuple[int, ...] = (0,)
    known: bool = False
    repositories: int = 1


class Design(NamedTuple):
    """How things are done, what is to be borne, and which promises are looked at."""

    operations: Mapping[str, Step] = OPERATIONS
    commands: Mapping[str, Deed] = COMMANDS
    faults: Sequence[Fault] = ()
    budget: Budget = Budget()
    watched: Collection[str] = ("P1", "P2", "P4", "P5")

    def explore(self, scenario: Scenario, *, to_the_end: bool) -> Exploration:
        """Look at every world that *scenario* can lead to."""
        return explore(Model(self.start(scenario), self.steps, self.broken), to_the_end=to_the_end)

    def start(self, scenario: Scenario) -> World:
        """The first world."""
        links = tuple(number in scenario.links for number in range(scenario.repositories))
        storage = (*links, any(links))
        programs = [program(words, self.operations) for words in scenario.programs.split("|")]
        return World(
            storage=storage,
            redis=tuple(Spot(is_known=scenario.known and fact) for fact in storage),
            clients=tuple(Client(steps, then=steps[0].begin) for steps in programs),
            budget=self.budget,
        )

    def steps(self, world: World) -> Iterator[tuple[str, World]]:
        """All that may happen next."""
        for story, after in self._happenings(world):
            yield story, after.explained()

    def broken(self, world: World, is_end: bool) -> Iterable[str]:
        """The promises that *world* breaks."""
        return [name for name in broken(world, self.commands, is_end) if name in self.watched]

    def _happenings(self, world: World) -> Iterator[tuple[str, World]]:
        for me, client in enumerate(world.clients):
            if client.then is not None and not client.awaited:
                taken = client.then(world, me)
                if taken is not None:
                    yield f"{name_of(me)} {client.program[0].name}: {taken[0]}", taken[1]
        for command in world.wire:
            yield self._carried_out(world, command)
        for fault in self.faults:
            yield from fault(world)

    def _carried_out(self, world: World, command: Command) -> tuple[str, World]:
        """Redis takes *command*; its sender, if it still waits, has the reply in that instant."""
        me, half = command.sender, command.half
        spot, reply = self.commands[command.name](world.redis[half], command.word)
        client = world.clients[me]
        is_late = command not in client.awaited
        story = f"redis: {'LATE ' if is_late else ''}{_told(command)} -> {_state(spot)}"
        world = world.without([command]).with_spot(half, spot)
        return story, world if is_late else world.with_client(me, _replied(client, command, reply))


def _replied(client: Client, command: Command, reply: str) -> Client:
    awaited = tuple(other for other in client.awaited if other != command)
    if command.name == "lease":
        client = client._replace(tokens=tuple(sorted((*client.tokens, (command.half, reply)))))
    if not awaited and client.then is None:
        return client.ended()
    if not awaited:
        return client._replace(awaited=(), otherwise=None, again=None)
    return client._replace(awaited=awaited)


def _told(command: Command) -> str:
    word = f" with {command.word}" if command.word else ""
    return f"{command.name} of {name_of(command.sender)}, {name_of_half(command.half)}{word}"


def _state(spot: Spot) -> str:
    return (
        " + ".join([*(["known"] if spot.is_known else []), *([spot.beside] if spot.beside else [])])
        or "nothing"
    )
