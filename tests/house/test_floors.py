"""The house: which room stands on which floor, held against the imports.

A line of `FLOORS` is a floor. A room is a file or a folder of `layercache/`;
it imports only from the floors below its own and, on its own floor, from the
rooms to the left of a `<`. Inside a folder, files import as they like, but in
no circle.
"""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.house.sources import ROOT

FLOORS = """
    0  errors < names loops < timers shield
    1  lifetime meta < callbacks < context checks
    2  backend < brackets < cache events flight < forwarding scan asking
    3  memory redis storage
    4  readthrough tiered
    5  opening
    6  requests < asgi oci metrics testing < aiohttp fastapi
    7  cli
"""

PACKAGE = ROOT / "layercache"  # read, not imported: what is wrong here may not be importable


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of the package by its dotted name, the root's own aside."""
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        if name != "layercache":
            yield name, file


MODULES = dict(modules())


def imported(name: str) -> Iterator[str]:
    """The modules of the package that the module *name* imports, wherever in it that is written."""
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names if alias.name.split(".")[0] == "layercache")
            case ast.ImportFrom(module=str(module), level=0) if module.split(".")[0] == "layercache":
                for alias in node.names:
                    inner = f"{module}.{alias.name}"
                    yield inner if inner in MODULES else module
            case ast.ImportFrom(level=level) if level > 0:
                raise AssertionError(f"{name}, line {node.lineno}: a relative import")


def heights() -> dict[str, tuple[int, int]]:
    """How high each room of the table lies: its floor, and its place between the `<` of it."""
    table: dict[str, tuple[int, int]] = {}
    for line in FLOORS.strip().splitlines():
        floor, _, rooms = line.strip().partition(" ")
        for place, group in enumerate(rooms.split("<")):
            table |= dict.fromkeys(group.split(), (int(floor), place))
    return table


def room(name: str) -> str:
    """The room of a module: `redis` for `layercache.redis.link`; empty for the root."""
    return name.partition(".")[2].partition(".")[0]


def test_every_room_has_a_floor() -> None:
    """Each file and folder of the package stands in the table."""
    assert {room(name) for name in MODULES} - set(heights()) == set()


def test_imports_go_down() -> None:
    """A file imports only from lower floors or from its own room."""
    height = heights()
    wrong = [
        f"{name} (floor {height[room(name)][0]}) imports {other}"
        for name in MODULES
        for other in imported(name)
        if room(other) != room(name) and not (room(other) and height[room(other)] < height[room(name)])
    ]
    assert not wrong, "\n".join(wrong)


def test_no_import_goes_round() -> None:
    """No module imports itself by way of others."""
    try:
        TopologicalSorter({name: list(imported(name)) for name in MODULES}).prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(reversed(error.args[1]))) from None
