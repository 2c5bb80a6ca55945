"""A tree on disk and a tree in a bucket; both keep the same promises."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from layercache.storage import StorageSource
from tests.storage.servers import S3, running_s3
from tests.storage.trees import Tree


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """A server that speaks S3."""
    with running_s3() as server:
        yield server


@pytest.fixture(params=["directory", "bucket"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Tree:
    """A root with nothing in it yet."""
    if request.param == "directory":
        return Tree(tmp_path.as_uri())
    s3: S3 = request.getfixturevalue("s3")
    return Tree(f"s3://{s3.new_bucket()}/a/prefix", **s3.options)


@pytest.fixture
def tree(root: Tree) -> Tree:
    """A tree in which something lies, but nothing that a test asks for."""
    root.layer("somebody/else", b"something")
    return root


@pytest.fixture
def source(tree: Tree) -> StorageSource:
    """The source over `tree`."""
    return tree.source()
