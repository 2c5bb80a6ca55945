"""How the steps of an operation are put together.

An operation is a chain of steps: each names the one that comes `then`, when the
replies are there, the one that comes `otherwise`, if its client gives up waiting,
and the one that sends `again`. None in their place ends the operation. A client
that has something to send after a step sends it in the same instant: nobody sees
a command before Redis takes it.
"""

from collections.abc import Mapping

from tests.coherence.model.far.world import CLOSING, META, NOTHING, Command, Step, World, name_of

Taken = tuple[str, World]


def finish(world: World, me: int) -> World:
    """End the operation."""
    return world.with_client(me, world.clients[me].ended())


def go_on(world: World, me: int, then: Step) -> World:
    """Take the next step later."""
    client = world.clients[me]._replace(then=then, otherwise=None, again=None)
    return world.with_client(me, client)


def at_once(story: str, world: World, me: int, step: Step) -> Taken:
    """Take the next step in the same instant."""
    taken = step(world, me)
    assert taken is not None
    return f"{story}; {taken[0]}", taken[1]


def send(
    world: World,
    me: int,
    name: str,
    words: Mapping[int, str],
    *,
    again: Step | None,
    then: Step | None = None,
    otherwise: Step | None = None,
) -> World:
    """Send the command *name* to each half of *words*, a command for each."""
    client = world.clients[me]
    commands = tuple(Command(me, client.sendings, name, half, word) for half, word in words.items())
    client = client._replace(
        then=then, otherwise=otherwise, again=again, awaited=commands, sendings=client.sendings + 1
    )
    return world._replace(wire=tuple(sorted(world.wire + commands))).with_client(me, client)


def new_token(world: World, me: int) -> str:
    """A token that nobody has had."""
    return f"{name_of(me)}{world.clients[me].sendings}"


def new_marker(world: World, me: int) -> str:
    """A closing marker that nobody has had."""
    return CLOSING + new_token(world, me)


def ask_for_lease(world: World, me: int, *, again: Step, then: Step, otherwise: Step | None = None) -> Taken:
    """Ask for a token beside each half."""
    client = world.clients[me]._replace(tokens=())
    token = new_token(world, me)
    words = dict.fromkeys((client.half, META), token)
    world = world.with_client(me, client)
    return "asks for a lease", send(world, me, "lease", words, again=again, then=then, otherwise=otherwise)


def fill(world: World, me: int) -> Taken:
    """Fill each half under its token, if both were given."""
    tokens = dict(world.clients[me].tokens)
    if not tokens or NOTHING in tokens.values():
        return "has no lease, and fills nothing", finish(world, me)
    return "fills", send(world, me, "fill", tokens, again=fill)
