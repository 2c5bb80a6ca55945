"""The example registry, over a tree that the tests write into."""

from collections.abc import Iterator

import pytest

from tests.examples.registries import Client, example
from tests.storage.trees import Tree


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
