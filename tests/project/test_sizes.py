"""The budget of lines: files near 100 and under 300, functions near 6 and under 40."""

import ast
from pathlib import Path

import pytest

from tests.project.sources import FOLDERS, Function, functions, label, python_files

FILE_LINES = 300
FUNCTION_LINES = 40


def length(node: ast.stmt) -> int:
    """The lines from the first of *node* to its last."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def length_without_docstring(function: Function) -> int:
    """The lines of *function*, its decorators and its docstring aside."""
    docstring = length(function.body[0]) if ast.get_docstring(function) is not None else 0
    return length(function) - docstring


@pytest.mark.parametrize("file", python_files(*FOLDERS), ids=label)
def test_file_is_short(file: Path) -> None:
    """A file has fewer than 300 lines."""
    lines = len(file.read_text().splitlines())
    assert lines < FILE_LINES


@pytest.mark.parametrize("file", python_files(*FOLDERS), ids=label)
def test_functions_are_short(file: Path) -> None:
    """A function has fewer than 40 lines beside its docstring."""
    lengths = {function.name: length_without_docstring(function) for function in functions(file)}
    assert {name: lines for name, lines in lengths.items() if lines >= FUNCTION_LINES} == {}
