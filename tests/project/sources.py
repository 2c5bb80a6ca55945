"""What the tests of the house read: the project's own files, as text and as trees."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("layercache", "tests", "bench", "docs")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(*folders: str) -> list[Path]:
    """Every file of Python in *folders* of the project."""
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def label(file: Path) -> str:
    """What a test about *file* is called by."""
    return str(file.relative_to(ROOT))


def functions(file: Path) -> Iterator[Function]:
    """Every function of *file*, methods and inner ones included."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, Function):
            yield node
