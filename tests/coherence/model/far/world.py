"""The far tier's world: a storage, a Redis, and the clients of both.

One layer is enough, for layers do not meet. Of it the storage knows one fact
for each repository (the link) and one for all of them (the blob), and a layer
is in a repository where both are there. Redis remembers one *half* for each of
these facts, a membership for the link and the meta for the blob, and beside
each half lies nothing, a token, or a closing marker. So facts and halves are
numbered alike: a repository's by its number, and what all share by `META`.

Clients run operations (`operations.py`), and talk to Redis by commands
(`commands.py`). A command touches one half, and is on its way until Redis takes
it: at any time, in any order, even after its client gave up on it, or died. That
is less than one connection promises, and all that a fleet can rely on whose
Redis is a cluster: two halves lie on two servers, and a client that lost a
connection has commands on the old one and on the new one.

A deletion whose body was interrupted is late: the storage may carry it out at any
time, or never.

To read the storage, to change it, and to run one command are one instant each.
Between two of them anything may happen (`faults.py`).

Bounds: one layer, two repositories, three clients, and as many faults of each
kind as the `Budget` allows. Not here: plain words, but where they break
something; what a meta says, for that of one digest is always the same; the
times to live of what is remembered, which are evictions to a model.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, TypeVar

T = TypeVar("T")

META = -1

NOTHING = ""
CLOSING = "closing "  # so begins every marker, and no token
HELD = "+hold"  # so ends what lies there with a hold, under a marker or alone
HOLD = CLOSING + HELD


class Spot(NamedTuple):
    """One half in Redis: whether it is known, and what lies beside it."""

    is_known: bool = False
    beside: str = NOTHING


class Command(NamedTuple):
    """What a client asks of Redis.

    Attributes:
        sender: The client.
        sending: The number of its message; to send again is another one.
        name: Which command it is.
        half: What it is about.
        word: The token or the marker that it brings along.
    """

    sender: int
    sending: int
    name: str
    half: int
    word: str = NOTHING


class Step(Protocol):
    """What a client does at one instant: what is told of it, and the world then.

    None if it is not yet time.
    """

    def __call__(self, world: "World", me: int, /) -> "tuple[str, World] | None": ...


class Operation(NamedTuple):
    """One call of an operation; *source* is where a mount takes its layer from."""

    name: str
    half: int
    begin: Step
    source: int = 0


class Client(NamedTuple):
    """A client, in the middle of the first operation of its program.

    Attributes:
        program: What is still to be done.
        then: The step to take when no reply is awaited; None: the operation has ended.
        otherwise: The step to take instead if it gives up waiting; None: it ends.
        again: The step that sends once more what is awaited.
        awaited: The commands whose replies it waits for.
        tokens: What it was given, by half; an empty one if a marker lay there.
        marker: That of the bracket that it is in.
        sendings: How many messages it has sent, so that each brings new tokens.
        answers: What it has found out so far, if somebody else may be told.
        deletions: The facts that it took from the storage, and has not acknowledged.
        is_owing: Whether it began a push that was neither committed nor refused.
        is_unexplained: Whether it reads, and a yes would be a lie until now.
    """

    program: tuple[Operation, ...] = ()
    then: Step | None = None
    otherwise: Step | None = None
    again: Step | None = None
    awaited: tuple[Command, ...] = ()
    tokens: tuple[tuple[int, str], ...] = ()
    marker: str = NOTHING
    sendings: int = 0
    answers: tuple[bool, ...] = ()
    deletions: tuple[int, ...] = ()
    is_owing: bool = False
    is_unexplained: bool = False

    @property
    def half(self) -> int:
        """What the operation under way is about."""
        return self.program[0].half

    @property
    def has_begun(self) -> bool:
        """Whether an operation is under way."""
        return bool(self.program) and self.then is not self.program[0].begin

    @property
    def is_saying_yes(self) -> bool:
        """Whether both of its questions were answered so."""
        return self.answers == (True, True)

    def ended(self) -> "Client":
        """The same, before its next operation."""
        rest = self.program[1:]
        return Client(
            rest,
            then=rest[0].begin if rest else None,
            sendings=self.sendings if rest else 0,
            deletions=self.deletions,
            is_owing=self.is_owing,
        )


class Budget(NamedTuple):
    """How many faults of each kind are still to come, at most."""

    give_ups: int = 1
    crashes: int = 1
    losses: int = 1


class World(NamedTuple):
    """All there is at an instant.

    Attributes:
        storage: Which links are there, by repository, and last whether the blob is.
        redis: The halves, in the same order.
        clients: Those who act.
        wire: The commands on their way, whoever sent them.
        late: What the storage may still delete, though the body was interrupted: who asked, and the half.
        replica: What a replica of Redis holds, once it has stopped following.
        budget: The faults that may still come.
    """

    storage: tuple[bool, ...]
    redis: tuple[Spot, ...]
    clients: tuple[Client, ...]
    wire: tuple[Command, ...] = ()
    late: tuple[tuple[int, int], ...] = ()
    replica: tuple[Spot, ...] = ()
    budget: Budget = Budget()

    def halves(self) -> Iterator[tuple[int, Spot]]:
        """Each half, by its number."""
        yield from enumerate(self.redis[:META])
        yield META, self.redis[META]

    def with_fact(self, half: int, is_there: bool) -> "World":
        """The same, but for a link or the blob."""
        return self._replace(storage=_with(self.storage, half, is_there))

    def with_spot(self, half: int, spot: Spot) -> "World":
        """The same, but for a half in Redis."""
        return self._replace(redis=_with(self.redis, half, spot))

    def with_client(self, me: int, client: Client) -> "World":
        """The same, but for a client."""
        return self._replace(clients=_with(self.clients, me, client))

    def without(self, commands: Sequence[Command]) -> "World":
        """The same, with fewer commands on their way."""
        return self._replace(wire=tuple(command for command in self.wire if command not in commands))

    def may_say_yes(self, half: int) -> bool:
        """Whether a cache may know *half*: it is so, or its deletion is not acknowledged yet."""
        return self.storage[half] or any(half in client.deletions for client in self.clients)

    def explained(self) -> "World":
        """The same; at this instant, a yes to those who read may be no lie."""
        world = self
        for me, client in enumerate(self.clients):
            if client.is_unexplained and all(map(self.may_say_yes, (client.half, META))):
                world = world.with_client(me, client._replace(is_unexplained=False))
        return world


def _with(items: tuple[T, ...], index: int, item: T) -> tuple[T, ...]:
    changed = list(items)
    changed[index] = item
    return tuple(changed)


def name_of(client: int) -> str:
    """What histories call a client."""
    return "ABCD"[client]


def name_of_half(half: int) -> str:
    """What histories call a half."""
    return "the meta" if half == META else f"r{half}"
