"""The docstring of a test is its promise in one sentence; all that is public has a docstring."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.sources import ROOT, Function, functions, label, python_files

# A full stop inside, as in `a.b` or "e.g. this", does not stand before a capital letter.
SENTENCE_END = re.compile(r"[.!?](?=\s+[A-Z]|$)")


def is_one_sentence(text: str | None) -> bool:
    """Whether *text* is one paragraph whose only sentence ends where it does."""
    return (
        text is not None
        and "\n\n" not in text
        and [end.end() for end in SENTENCE_END.finditer(text)] == [len(text)]
    )


def undocumented(scope: ast.Module | ast.ClassDef, defined: object) -> Iterator[str]:
    """The public names in *scope*, which is that of *defined*, that have no docstring.

    A method that overrides another has the docstring of that one.
    """
    for node in scope.body:
        if not isinstance(node, ast.ClassDef | Function) or node.name.startswith("_") or is_overload(node):
            continue
        inner = getattr(defined, node.name)
        if ast.get_docstring(node) is None and (isinstance(node, ast.ClassDef) or not inspect.getdoc(inner)):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{name}" for name in undocumented(node, inner))


def is_overload(node: ast.ClassDef | Function) -> bool:
    """Whether *node* is one of the overloads that stand before the function itself."""
    return any(ast.unparse(decorator) == "overload" for decorator in node.decorator_list)


@pytest.mark.parametrize(
    "file", [file for file in python_files("tests") if file.stem.startswith("test_")], ids=label
)
def test_tests_are_sentences(file: Path) -> None:
    """The docstring of a test function is exactly one sentence."""
    tests = [function for function in functions(file) if function.name.startswith("test_")]
    wrong = [test.name for test in tests if not is_one_sentence(ast.get_docstring(test))]
    assert wrong == []


@pytest.mark.parametrize("file", python_files("layercache"), ids=label)
def test_public_names_are_documented(file: Path) -> None:
    """Every public module, class, function and method has a docstring, or that of what it overrides."""
    scope = ast.parse(file.read_text())
    name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    assert ast.get_docstring(scope), "the module has none"
    assert list(undocumented(scope, importlib.import_module(name))) == []
