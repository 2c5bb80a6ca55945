"""The sizes of files and functions: under 300 and under 40 lines, docstrings aside."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.sources import FOLDERS, functions, label, python_files

FILE_LINES = 300
FUNCTION_LINES = 40

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def length(node: ast.stmt) -> int:
    """The lines from the first of *node* to its last."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def docstring_length(node: Documented) -> int:
    """The lines of the docstring of *node*; 0 without one."""
    return length(node.body[0]) if ast.get_docstring(node) is not None else 0


def docstring_lengths(file: Path) -> Iterator[int]:
    """The lines of each docstring in *file*."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, Documented):
            yield docstring_length(node)


@pytest.mark.parametrize("file", python_files(*FOLDERS), ids=label)
def test_file_is_short(file: Path) -> None:
    """A file has fewer than 300 lines beside its docstrings."""
    assert len(file.read_text().splitlines()) - sum(docstring_lengths(file)) < FILE_LINES


@pytest.mark.parametrize("file", python_files(*FOLDERS), ids=label)
def test_functions_are_short(file: Path) -> None:
    """A function has fewer than 40 lines beside its docstring."""
    lengths = {function.name: length(function) - docstring_length(function) for function in functions(file)}
    assert {name: lines for name, lines in lengths.items() if lines >= FUNCTION_LINES} == {}
