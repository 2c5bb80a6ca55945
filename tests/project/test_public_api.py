"""The root: one screen of names, sorted, documented, and without an extra in tow."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import layercache
from tests.project.sources import ROOT


def extras() -> set[str]:
    """The packages that only an extra brings, by the name under which they are imported."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = [line for lines in project["optional-dependencies"].values() for line in lines]
    names = {re.split(r"[^\w-]", line)[0].replace("-", "_") for line in requirements}
    return names - {"oci_layercache"}


def test_root_has_every_error() -> None:
    """Whatever this library raises can be caught by a name of the root."""
    errors = {name for name, value in vars(layercache.errors).items() if isinstance(value, type)}
    assert errors - set(layercache.__all__) == set()


def test_names_are_sorted() -> None:
    """The public names stand in the order of the alphabet."""
    assert layercache.__all__ == sorted(layercache.__all__)


def test_root_only_re_exports() -> None:
    """The root is a docstring, imports of what it exports, and `__all__`."""
    docstring, *imports, exported = ast.parse(Path(layercache.__file__).read_text()).body
    assert isinstance(docstring, ast.Expr)
    assert all(isinstance(node, ast.ImportFrom) for node in imports)
    assert isinstance(exported, ast.Assign)
    imported = {alias.name for node in imports if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert imported == set(layercache.__all__)


def test_every_name_has_its_place_in_the_reference() -> None:
    """Each public name is documented in docs/reference, once."""
    pages = "".join(page.read_text() for page in (ROOT / "docs/reference").glob("*.md"))
    places = re.findall(r"^::: layercache\.(\w+)$", pages, flags=re.MULTILINE)
    names = [place for place in places if not (ROOT / "layercache" / place).is_dir()]
    assert sorted(names) == layercache.__all__


def test_root_imports_no_extra() -> None:
    """Importing the root loads no package that an extra brings."""
    program = "import json, sys, layercache; print(json.dumps(list(sys.modules)))"
    loaded = json.loads(subprocess.check_output([sys.executable, "-c", program]))
    assert extras() & {name.partition(".")[0] for name in loaded} == set()
