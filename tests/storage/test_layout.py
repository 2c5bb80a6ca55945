"""The paths of a distribution tree, as a table; and that none leads out of it."""

import contextlib
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layercache.errors import CorruptEntryError, InvalidArgumentError
from layercache.storage.layout import (
    data_path,
    layer_link_path,
    parse_link,
    revision_link_path,
    tag_link_path,
)
from tests.str_subclasses import STR_SUBCLASSES

HEX = "4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865"
DGST = f"sha256:{HEX}"

# Pieces of what people try, and of what is right.
PIECES = st.sampled_from(
    ["..", ".", "/", "\\", "%2f", "%2e", "\0", "a", "_layers", DGST, "sha256", ":", "+", "-", "é"]
)
NAMES = st.lists(PIECES, max_size=6).map("".join) | st.text(max_size=40)


def test_paths() -> None:
    """A path is the one that the Go registry gives to the same thing."""
    tree = "/docker/registry/v2"
    assert data_path(DGST) == f"{tree}/blobs/sha256/43/{HEX}/data"
    assert layer_link_path("library/x", DGST) == f"{tree}/repositories/library/x/_layers/sha256/{HEX}/link"
    assert revision_link_path("x", DGST) == f"{tree}/repositories/x/_manifests/revisions/sha256/{HEX}/link"
    assert tag_link_path("x", "1.0-a_B") == f"{tree}/repositories/x/_manifests/tags/1.0-a_B/current/link"


@given(repo=NAMES, dgst=NAMES, tag=NAMES)
def test_no_name_leads_out_of_the_tree(repo: str, dgst: str, tag: str) -> None:
    """Whatever stands for a name, the path has the parts that it should have, or is not made."""
    for path_of, names in (
        (data_path, (dgst,)),
        (layer_link_path, (repo, dgst)),
        (layer_link_path, (repo, DGST)),
        (revision_link_path, (repo, DGST)),
        (tag_link_path, (repo, tag)),
        (tag_link_path, ("x", tag)),
    ):
        with contextlib.suppress(InvalidArgumentError):
            path = path_of(*names)
            assert re.fullmatch(r"/docker/registry/v2/(blobs|repositories)/.+/(data|link)", path)
            assert re.fullmatch(r"(/[a-zA-Z0-9=_-][a-zA-Z0-9=._+-]*)+", path)


@pytest.mark.parametrize("tag", ["", ".", "..", ".hidden", "-x", "a/b", "a\\b", "a\n", "a" * 129, "é"])
def test_malformed_tags(tag: str) -> None:
    """What the grammar has no room for is no tag."""
    with pytest.raises(InvalidArgumentError):
        tag_link_path("x", tag)


@pytest.mark.parametrize("dgst", ["future:" + "a" * 256, "a" * 256 + ":a"], ids=["encoded", "algorithm"])
def test_digests_that_no_file_can_be_named_by(dgst: str) -> None:
    """A digest that is longer than a file name can be has no path."""
    with pytest.raises(InvalidArgumentError, match="too long to be stored"):
        data_path(dgst)


def test_link() -> None:
    """A link names a digest."""
    assert parse_link("/link", DGST.encode()) == DGST


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"sha256:",
        DGST[:-1].encode(),
        DGST.encode() + b"\n",
        b"sha256:../../etc",
        b"\xff" * 71,
        HEX.encode(),
        b"future:" + b"a" * 256,
    ],
)
def test_corrupt_links(content: bytes) -> None:
    """Whatever else a link holds is an error that says where."""
    with pytest.raises(CorruptEntryError) as caught:
        parse_link("/some/link", content)
    assert caught.value.key == "/some/link"


@pytest.mark.parametrize("subclass", STR_SUBCLASSES.values(), ids=STR_SUBCLASSES)
def test_paths_are_made_of_characters(subclass: Callable[[str], str]) -> None:
    """Of a subclass of `str` the characters stand in a path, and not what it prints."""
    assert data_path(subclass(DGST)) == data_path(DGST)
    assert layer_link_path(subclass("x"), subclass(DGST)) == layer_link_path("x", DGST)
    assert revision_link_path(subclass("x"), subclass(DGST)) == revision_link_path("x", DGST)
    assert tag_link_path(subclass("x"), subclass("latest")) == tag_link_path("x", "latest")
