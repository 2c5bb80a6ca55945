"""Digests and repository names: the parsers accept what the OCI grammars allow, and nothing else."""

import pickle
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from layercache.errors import InvalidArgumentError
from layercache.names import (
    MAX_DIGEST_LENGTH,
    MAX_REPOSITORY_LENGTH,
    Digest,
    Repository,
    parse_digest,
    parse_repository,
)
from tests.str_subclasses import STR_SUBCLASSES, mock_of_a_str

SHA256 = "sha256:6c3c624b58dbbcd3c0dd82b4c53f04194d1247c6eebdaab7c610cf7d66709b3b"

DIGESTS = [
    SHA256,
    "sha384:" + "0" * 96,
    "sha512:" + "f" * 128,
    # Examples of the image-spec: for other algorithms only the grammar counts.
    "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8",
    "sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564",
    "blake3:af1349b9",
    "a:A",
    "a.b_c-d+e:=",
    "1:" + "z" * (MAX_DIGEST_LENGTH - 2),
]

NOT_DIGESTS = [
    "",
    ":",
    "sha256",
    "sha256:",
    ":" + "0" * 64,
    "sha256:" + "0" * 63,
    "sha256:" + "0" * 65,
    "sha256:" + "A" * 64,
    "sha256:" + "g" * 64,
    "sha256:" + "0" * 96,
    "sha384:" + "0" * 64,
    "sha512:" + "0" * 96,
    "SHA256:" + "0" * 64,
    "sha256::" + "0" * 64,
    "sha256:" + "0" * 64 + "\n",
    " sha256:" + "0" * 64,
    "sha256:" + "٠" * 64,  # noqa: RUF001  # digits by isdigit(), and no hexadecimal ones
    "../sha256:" + "0" * 64,
    "sha256:../../" + "0" * 58,
    "sha256:%2e%2e" + "0" * 58,
    "+b64:AA",
    "b64+:AA",
    "b64++x:AA",
    "b64:A/A",
    "b64:A:A",
    "b64:A\0",
    "1:" + "z" * (MAX_DIGEST_LENGTH - 1),
]

REPOSITORIES = [
    "a",
    "0",
    "library/ubuntu",
    "a/b/c/d/e",
    "a.b",
    "a_b",
    "a__b",
    "a-b",
    "a----b",
    "localhost/4000/x.y_z__0-1",
    "a" * MAX_REPOSITORY_LENGTH,
    "a/" * 127 + "a",
]

NOT_REPOSITORIES = [
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    "A",
    "library/Ubuntu",
    ".",
    "..",
    "../a",
    "a/../b",
    "a/./b",
    "a..b",
    "a.-b",
    "a___b",
    "a-",
    "-a",
    "_a",
    "a.",
    "a b",
    "a\n",
    "a\0",
    "a:b",
    "a::b",
    "a@b",
    "a\\b",
    "a%2fb",
    "ä",
    "а",  # noqa: RUF001  # the Cyrillic letter
    "a" * (MAX_REPOSITORY_LENGTH + 1),
]


@pytest.mark.parametrize("text", DIGESTS, ids=lambda text: text[:40])
def test_digest_is_returned_unchanged(text: str) -> None:
    """A well-formed digest is returned unchanged, as a `Digest`."""
    dgst = parse_digest(text)
    assert type(dgst) is Digest
    assert dgst == text


@pytest.mark.parametrize("text", NOT_DIGESTS, ids=lambda text: ascii(text[:40]))
def test_what_is_no_digest_is_refused(text: str) -> None:
    """A text that the grammar, or the length of a known algorithm, forbids is an `InvalidArgumentError`."""
    with pytest.raises(InvalidArgumentError):
        parse_digest(text)


@pytest.mark.parametrize("text", REPOSITORIES, ids=lambda text: text[:40])
def test_repository_is_returned_unchanged(text: str) -> None:
    """A well-formed name is returned unchanged, as a `Repository`."""
    repo = parse_repository(text)
    assert type(repo) is Repository
    assert repo == text


@pytest.mark.parametrize("text", NOT_REPOSITORIES, ids=lambda text: ascii(text[:40]))
def test_what_is_no_repository_is_refused(text: str) -> None:
    """A text that the grammar, or the limit of 255 characters, forbids is an `InvalidArgumentError`."""
    with pytest.raises(InvalidArgumentError):
        parse_repository(text)


@given(
    st.text() | st.from_regex(r"[a-z0-9+._:-]{0,80}") | st.from_regex(r"sha(256|384|512):[0-9a-f]{60,130}")
)
@example("sha256:" + "0" * 64)
@example("\ud800")
def test_digest_or_invalid_argument(text: str) -> None:
    """`parse_digest` returns any text as a digest, or raises an `InvalidArgumentError`."""
    with suppress(InvalidArgumentError):
        assert parse_digest(text) == text


@given(st.text() | st.from_regex(r"[a-z0-9._/-]{0,300}"))
@example("a" * MAX_REPOSITORY_LENGTH)
@example("\ud800")
def test_repository_or_invalid_argument(text: str) -> None:
    """`parse_repository` returns any text as a repository, or raises an `InvalidArgumentError`."""
    with suppress(InvalidArgumentError):
        assert parse_repository(text) == text


@given(
    st.from_regex(
        r"[a-z0-9]+([+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+", fullmatch=True, alphabet=st.characters(codec="ascii")
    )
)
def test_parts_of_a_digest(text: str) -> None:
    """Algorithm and encoded part, joined by a colon, are the digest."""
    algorithm, encoded = text.split(":")
    if algorithm not in ("sha256", "sha384", "sha512"):
        dgst = parse_digest(text)
        assert (dgst.algorithm, dgst.encoded) == (algorithm, encoded)


@pytest.mark.parametrize(
    "value", [None, 1, b"sha256:00", [SHA256], mock_of_a_str()], ids=lambda it: type(it).__name__
)
def test_what_is_no_str_is_refused(value: object) -> None:
    """A value of another type is an `InvalidArgumentError`, not a `TypeError`."""
    for parse in (parse_digest, parse_repository):
        with pytest.raises(InvalidArgumentError):
            parse(value)  # type: ignore[arg-type] # what an untyped caller may do


@pytest.mark.parametrize("subclass", STR_SUBCLASSES.values(), ids=STR_SUBCLASSES)
def test_the_characters_count(subclass: Callable[[str], str]) -> None:
    """A subclass of `str` is parsed by its characters, whatever its own methods return."""
    dgst, repo = parse_digest(subclass(SHA256)), parse_repository(subclass("library/ubuntu"))
    assert (type(dgst), f"{dgst}", hash(dgst)) == (Digest, SHA256, hash(SHA256))
    assert (type(repo), f"{repo}", hash(repo)) == (Repository, "library/ubuntu", hash("library/ubuntu"))


@pytest.mark.parametrize("subclass", STR_SUBCLASSES.values(), ids=STR_SUBCLASSES)
def test_no_subclass_hides_what_is_malformed(subclass: Callable[[str], str]) -> None:
    """A malformed text of a subclass of `str` is refused, even if it has no repr."""
    for text in NOT_DIGESTS:
        with pytest.raises(InvalidArgumentError):
            parse_digest(subclass(text))
    for text in NOT_REPOSITORIES:
        with pytest.raises(InvalidArgumentError):
            parse_repository(subclass(text))


def test_what_is_parsed_is_not_parsed_again() -> None:
    """A value that was parsed before is returned unchanged."""
    dgst, repo = parse_digest(SHA256), parse_repository("library/ubuntu")
    assert parse_digest(dgst) is dgst
    assert parse_repository(repo) is repo


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_names_survive_pickling(protocol: int) -> None:
    """A digest and a repository that were pickled keep value and type."""
    for name in (parse_digest(SHA256), parse_repository("library/ubuntu")):
        copy = pickle.loads(pickle.dumps(name, protocol))
        assert copy == name
        assert type(copy) is type(name)


def test_names_are_keys_like_their_text() -> None:
    """A digest or a repository finds what a dictionary holds under its plain text."""
    assert {SHA256: 1}[parse_digest(SHA256)] == 1
    assert {"a": 1}[parse_repository("a")] == 1


def test_message_quotes_what_was_refused() -> None:
    """The message quotes the refused text, cut short if it is long, and says which length is expected."""
    with pytest.raises(InvalidArgumentError, match="not a digest: 'x'"):
        parse_digest("x")
    with pytest.raises(InvalidArgumentError, match="not 64 hexadecimal digits: 'sha256:00'"):
        parse_digest("sha256:00")
    with pytest.raises(InvalidArgumentError) as caught:
        parse_repository("A" * 100_000)
    assert len(str(caught.value)) < 200
