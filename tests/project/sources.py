"""What the tests of the project read: its own files, as text and as trees."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("layercache", "tests", "bench", "docs")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(*folders: str) -> list[Path]:
    """Every Python file in *folders* of the project."""
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def label(file: Path) -> str:
    """The id of a test about *file*."""
    return str(file.relative_to(ROOT))


def functions(file: Path) -> Iterator[Function]:
    """Every function of *file*, also methods and inner functions."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, Function):
            yield node
