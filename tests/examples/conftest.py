"""The example registry, over a tree that the tests write into."""

import shutil
from collections.abc import Iterator

import pytest

from tests.examples.registries import Client, example
from tests.storage.trees import Tree

# Tests that need a program of Debian's run wherever it is installed. Elsewhere
# they are deselected here, and nowhere else, with a word why. (.ci/run installs
# both.)
PROGRAMS = ("docker-registry", "skopeo")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what cannot run on this machine, and say so."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    needy = [item for item in items if item.path.name == "test_skopeo.py"]
    if missing and needy:
        items[:] = [item for item in items if item not in needy]
        config.hook.pytest_deselected(items=needy)
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        assert reporter is not None
        reporter.write_line(f"deselected {len(needy)} tests: not installed: {', '.join(missing)}")


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """The tree that `registry` serves; each test has repositories and layers of its own in it."""
    return Tree(tmp_path_factory.mktemp("tree").as_uri())


@pytest.fixture(scope="session")
def registry(tree: Tree) -> Iterator[Client]:
    """The example registry."""
    with example(tree.url) as client:
        yield client


@pytest.fixture
def repo(request: pytest.FixtureRequest) -> str:
    """A repository that no other test uses."""
    return "".join(letter if letter.isalnum() else "-" for letter in request.node.name.lower()).strip("-")
