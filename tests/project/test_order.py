"""The layout: a file imports only what stands above it in `ORDER`.

A line of `ORDER` is some files, from the first to the last; with a colon, those of a folder.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.project.sources import ROOT

ORDER = """
    errors names meta
    context: loops shield together timers lifetime callbacks context
    observer
    validation url_options secrecy
    source asking backend forwarding observed
    removal
    cache
    backends.memory: eviction expiry metas leases table scan backend cache opening
    backends.redis: resp schema open_brackets turns
    backends.redis.transport: bounds wire link credentials addresses greeting handshake
    backends.redis: commands scripts exchange scan backend
    backends.redis.near: state table admission answers tracking backend
    backends.redis: cache opening
    readthrough: flight backend cache
    storage: layout store files listing unused source
    reconcile: spill report comparison audit reconciler
    opening
    web: policy oci
    asgi fastapi aiohttp
    testing: clock sources layers operations leases words brackets holds contexts walks faults
"""

PACKAGE = ROOT / "layercache"  # read, not imported: with a cycle it cannot be imported


def order() -> list[str]:
    """The modules of the package in that order, by their dotted names."""
    names: list[str] = []
    for line in ORDER.strip().splitlines():
        folder, colon, files = line.strip().rpartition(":")
        names += [f"layercache.{folder}{'.' if colon else ''}{file}" for file in files.split()]
    return names


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of the package but the `__init__` of a folder."""
    for file in sorted(PACKAGE.rglob("*.py")):
        if file.name != "__init__.py":
            yield ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts), file


MODULES = dict(modules())


def imported(name: str) -> Iterator[str]:
    """The modules of the package that the module *name* imports, anywhere in it."""
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


def stands_above(name: str, other: str) -> bool:
    """Whether all of *other*, a module or a folder, stands above the module *name*."""
    inside = [index for index, module in enumerate(order()) if f"{module}.".startswith(f"{other}.")]
    return bool(inside) and max(inside) < order().index(name)


def test_every_file_is_in_the_order() -> None:
    """Each file of the package stands in the order, once, and nothing else."""
    assert sorted(order()) == sorted(MODULES)


def test_imports_go_upwards() -> None:
    """A file imports only what stands above it in the order."""
    wrong = [
        f"{name} imports {other}"
        for name in order()
        for other in imported(name)
        if not stands_above(name, other)
    ]
    assert not wrong, "\n".join(wrong)
