"""The root of the package: its names are sorted and documented, and its import loads no extra."""

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
    """The packages that only an extra installs, by the name under which they are imported."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = [line for lines in project["optional-dependencies"].values() for line in lines]
    names = {re.split(r"[^\w-]", line)[0].replace("-", "_") for line in requirements}
    return names - {"oci_layercache"}


def test_root_has_every_error() -> None:
    """The root exports every error of the library."""
    errors = {name for name, value in vars(layercache.errors).items() if isinstance(value, type)}
    assert errors - set(layercache.__all__) == set()


def test_names_are_sorted() -> None:
    """The public names are sorted."""
    assert layercache.__all__ == sorted(layercache.__all__)


def test_root_only_re_exports() -> None:
    """The root only imports what it exports, `RedisCache` when it is asked for."""
    root = ast.parse(Path(layercache.__file__).read_text())
    docstring, *imports, for_checkers, exported, on_demand = root.body
    assert isinstance(docstring, ast.Expr)
    assert isinstance(exported, ast.Assign)
    assert isinstance(for_checkers, ast.If)
    assert isinstance(on_demand, ast.If)
    assert [ast.unparse(node.test) for node in (for_checkers, on_demand)] == [
        "TYPE_CHECKING",
        "not TYPE_CHECKING",
    ]
    assert all(isinstance(node, ast.ImportFrom) for node in imports)
    imported = [
        alias.name
        for node in (*imports, *for_checkers.body)
        if isinstance(node, ast.ImportFrom) and node.module != "typing"
        for alias in node.names
    ]
    assert sorted(imported) == layercache.__all__


def test_every_name_is_in_the_reference() -> None:
    """Each public name is documented in docs/reference, once."""
    pages = "".join(page.read_text() for page in (ROOT / "docs/reference").glob("*.md"))
    found = re.findall(r"^::: layercache\.(\w+)$", pages, flags=re.MULTILINE)
    names = [name for name in found if not (ROOT / "layercache" / name).is_dir()]
    assert sorted(names) == layercache.__all__


def test_root_imports_no_extra() -> None:
    """Importing the root loads neither redis-py nor a package that an extra brings."""
    program = "import json, sys, layercache; print(json.dumps(list(sys.modules)))"
    loaded = json.loads(subprocess.check_output([sys.executable, "-c", program]))
    assert {"redis", *extras()} & {name.partition(".")[0] for name in loaded} == set()
