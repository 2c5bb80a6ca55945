"""The wheel: what a user installs, built as for a release, and used with the source out of reach."""

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.project.pages import README, scripts
from tests.project.sources import ROOT

# Imports every module there is, and prints from where.
IMPORT_ALL = """
import importlib, pkgutil, layercache
for module in pkgutil.walk_packages(layercache.__path__, "layercache."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(layercache.__file__)
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel, built from the source distribution, as for a release."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    with ZipFile(next(folder.glob("*.whl"))) as packed:
        packed.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_nothing_is_missing(wheel: Path) -> None:
    """The wheel has every file of the package, also `py.typed`."""
    files = {file for file in (ROOT / "layercache").rglob("*") if file.suffix != ".pyc" and file.is_file()}
    missing = {
        str(file.relative_to(ROOT)) for file in files if not (wheel / file.relative_to(ROOT)).is_file()
    }
    assert missing == set()
    assert (wheel / "layercache/py.typed").is_file()


def test_nothing_else_is_in_it(wheel: Path) -> None:
    """The wheel contains only the package and its metadata."""
    assert [path.name for path in wheel.iterdir() if path.suffix != ".dist-info"] == ["layercache"]


def test_every_module_can_be_imported(wheel: Path, tmp_path: Path) -> None:
    """Every module can be imported from the wheel, without the checkout."""
    environment = {**os.environ, "PYTHONPATH": str(wheel)}
    command = [sys.executable, "-c", IMPORT_ALL]
    origin = subprocess.check_output(command, cwd=tmp_path, env=environment, text=True)
    assert Path(origin.strip()).is_relative_to(wheel)


def test_readme_example_runs(wheel: Path, tmp_path: Path) -> None:
    """The first example of the README runs from the wheel."""
    file = tmp_path / "example.py"
    example = next(scripts(README))
    file.write_text(example.source)
    environment = {**os.environ, "PYTHONPATH": str(wheel)}
    printed = subprocess.check_output([sys.executable, file], cwd=tmp_path, env=environment, text=True)
    assert printed == example.printed != ""
