"""The operations by their names, and programs made of them."""

from collections.abc import Mapping

from tests.coherence.model.far import brackets, reading
from tests.coherence.model.far.world import META, Operation, Step

OPERATIONS: Mapping[str, Step] = {
    "read": reading.read,
    "locate": reading.read,
    "confirm": reading.confirm,
    "report missing": reading.clear_membership,
    "remove": brackets.begin_closing,
    "sweep": brackets.begin_closing,
    "interrupt": brackets.interrupt,
    "reconcile": brackets.reconcile,
    "add": brackets.add,
    "mount": brackets.mount,
    "stat": reading.stat,
    "fly": reading.fly,
    "join": reading.join,
}


def operation(words: str, operations: Mapping[str, Step]) -> Operation:
    """The operation that a scenario calls so: `read r0`, `sweep`, `mount r1 from r0`."""
    named, _, source = words.partition(" from ")
    name, _, repository = named.partition(" r") if named[-1].isdigit() else (named, "", "")
    half = int(repository) if repository else META
    return Operation(words, half, operations[name], source=int(source.lstrip("r") or 0))


def program(words: str, operations: Mapping[str, Step]) -> tuple[Operation, ...]:
    """What one client of a scenario does, one operation after the other."""
    return tuple(operation(some.strip(), operations) for some in words.split(","))
