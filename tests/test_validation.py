"""The checks of arguments: no key can be taken for another, and nothing more is required."""

import math
from collections import UserList, deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layercache.errors import InvalidArgumentError, shown
from layercache.meta import LayerMeta
from layercache.names import MAX_DIGEST_LENGTH, MAX_REPOSITORY_LENGTH, parse_digest, parse_repository
from layercache.validation import (
    require_digest,
    require_half,
    require_key,
    require_keys,
    require_meta,
    require_seconds,
    require_token,
)
from tests.str_subclasses import STR_SUBCLASSES, mock_of_a_str

REPO = "library/ubuntu"
DGST = "sha256:" + "0" * 64

# Names that could forge a key, or end one early.
FORGING = [
    "",
    "::",
    "a::b",
    " ",
    "a b",
    "a\tb",
    "a\n",
    "\0",
    "\x7f",
    "a\u00a0b",
    "a\u2028b",
    "\u200b",
    "\ud800",
]

# Names that the OCI grammars forbid, and that harm no key: the handler checks them.
HARMLESS = ["A", "..", "a//b", ":", "a:b", "sha256:00", "ä", "層", "a%2fb"]

# The checks of a repository and of a digest, each with the other argument well-formed.
ASKING_FOR_REPOSITORY: dict[str, Callable[[str], None]] = {
    "require_key": lambda repo: require_key(repo, DGST),
    "require_keys": lambda repo: require_keys(repo, [DGST]),
    "require_half": lambda repo: require_half(repo, DGST),
}
ASKING_FOR_DIGEST: dict[str, Callable[[str], None]] = {
    "require_key": lambda dgst: require_key(REPO, dgst),
    "require_keys": lambda dgst: require_keys(REPO, [DGST, dgst]),
    "require_half": lambda dgst: require_half(REPO, dgst),
    "require_half, meta": lambda dgst: require_half(None, dgst),
    "require_digest": require_digest,
}
ASKING = [
    *(
        pytest.param(ask, MAX_REPOSITORY_LENGTH, id=f"{name}: repo")
        for name, ask in ASKING_FOR_REPOSITORY.items()
    ),
    *(pytest.param(ask, MAX_DIGEST_LENGTH, id=f"{name}: dgst") for name, ask in ASKING_FOR_DIGEST.items()),
]


@pytest.mark.parametrize(("ask", "limit"), ASKING)
def test_what_could_forge_a_key_is_refused(ask: Callable[[str], None], limit: int) -> None:
    """An empty name, and one with `::`, white space or control characters, is an `InvalidArgumentError`."""
    for text in FORGING:
        with pytest.raises(InvalidArgumentError):
            ask(text)


@pytest.mark.parametrize(("ask", "limit"), ASKING)
def test_names_have_a_length(ask: Callable[[str], None], limit: int) -> None:
    """A repository has at most 255 characters and a digest at most 1,024."""
    ask("a" * limit)
    with pytest.raises(InvalidArgumentError, match=f"1 to {limit} characters, not {limit + 1}"):
        ask("a" * (limit + 1))


@pytest.mark.parametrize(("ask", "limit"), ASKING)
def test_grammar_is_left_to_the_handler(ask: Callable[[str], None], limit: int) -> None:
    """A name that harms no key passes, even if the OCI grammars forbid it."""
    for text in HARMLESS:
        ask(text)


@pytest.mark.parametrize(("ask", "limit"), ASKING)
@pytest.mark.parametrize("subclass", STR_SUBCLASSES.values(), ids=STR_SUBCLASSES)
def test_a_name_is_a_str_itself(
    ask: Callable[[str], None], limit: int, subclass: Callable[[str], str]
) -> None:
    """A name of a subclass of `str` is refused, and the error says what to do."""
    with pytest.raises(InvalidArgumentError, match=r"str itself.*pass str\.__str__"):
        ask(subclass(DGST))


@pytest.mark.parametrize(("ask", "limit"), ASKING)
@pytest.mark.parametrize("value", [7, b"a", ["a"], mock_of_a_str()], ids=lambda it: type(it).__name__)
def test_a_name_is_a_str(ask: Callable[[object], None], limit: int, value: object) -> None:
    """A name of another type is an `InvalidArgumentError` that names the type."""
    with pytest.raises(InvalidArgumentError, match=type(value).__name__):
        ask(value)


def test_what_was_parsed_passes() -> None:
    """What `parse_repository` and `parse_digest` return passes."""
    repo, dgst = parse_repository(REPO), parse_digest(DGST)
    require_key(repo, dgst)
    require_keys(repo, [dgst])
    require_digest(dgst)


@given(st.text(min_size=1, max_size=MAX_REPOSITORY_LENGTH))
def test_what_passes_can_stand_in_a_key(repo: str) -> None:
    """A name that passes can be encoded, has no white space, and can be read back from a key."""
    try:
        require_key(repo, DGST)
    except InvalidArgumentError:
        return
    key = f"repository::{repo}::blobs::{DGST}"
    assert key.encode().split() == [key.encode()]
    assert key.partition("::")[2].rpartition("::blobs::")[0] == repo


def test_one_digest_is_no_sequence_of_digests() -> None:
    """A single digest where a sequence of digests is expected is refused."""
    with pytest.raises(InvalidArgumentError, match="not one digest"):
        require_keys(REPO, DGST)


@pytest.mark.parametrize(
    "dgsts", [(dgst for dgst in [DGST]), {DGST}, {DGST: 1}, None], ids=lambda it: type(it).__name__
)
def test_digests_have_an_order_and_stay(dgsts: Sequence[str]) -> None:
    """What has no order, or can be iterated only once, is no sequence of digests."""
    with pytest.raises(InvalidArgumentError, match=type(dgsts).__name__):
        require_keys(REPO, dgsts)


@pytest.mark.parametrize("kind", [list, tuple, deque, UserList])
def test_any_sequence_of_digests_passes(kind: Callable[[list[str]], Sequence[str]]) -> None:
    """Any kind of sequence of digests passes."""
    require_keys(REPO, kind([DGST]))


def test_no_digests_are_a_sequence_too() -> None:
    """An empty sequence of digests passes."""
    require_keys(REPO, [])


METAS = [
    LayerMeta("/data", 0),
    LayerMeta("/data", 2**63 - 1),
    LayerMeta("/päth with blanks", 1, ""),
]

NOT_METAS = [
    None,
    ("/data", 1, "application/octet-stream"),
    LayerMeta("", 1),
    LayerMeta("/data", -1),
    LayerMeta("/data", 2**63),
    LayerMeta("/data", length=True),
    LayerMeta("/data", 1.0),  # type: ignore[arg-type] # what an untyped caller may do, here and below
    LayerMeta("/data", "1"),  # type: ignore[arg-type]
    LayerMeta(b"/data", 1),  # type: ignore[arg-type]
    LayerMeta("/data", 1, None),  # type: ignore[arg-type]
    LayerMeta("/\ud800", 1),
    LayerMeta("/data", 1, "\ud800"),
    LayerMeta("/data", HTTPStatus.OK),
    LayerMeta("/data", 10**5000),  # which Python does not print
    *(LayerMeta(subclass("/data"), 1) for subclass in STR_SUBCLASSES.values()),
    *(LayerMeta("/data", 1, subclass("a/b")) for subclass in STR_SUBCLASSES.values()),
]


@pytest.mark.parametrize("meta", METAS, ids=repr)
def test_meta_passes(meta: LayerMeta) -> None:
    """A meta with a path, a length from 0 to 2**63 - 1 and any media type passes."""
    require_meta(meta)


@pytest.mark.parametrize("meta", NOT_METAS, ids=lambda meta: ascii(shown(meta)))
def test_a_malformed_meta_is_refused(meta: LayerMeta) -> None:
    """A meta without a path, with a length out of range, or with text that cannot be encoded is refused."""
    with pytest.raises(InvalidArgumentError):
        require_meta(meta)


NOT_TOKENS = [None, 7, b"a", "\ud800", *(subclass("a") for subclass in STR_SUBCLASSES.values())]


@pytest.mark.parametrize("token", NOT_TOKENS, ids=type)
def test_a_malformed_token_is_refused(token: str) -> None:
    """A token that is no `str` itself, or cannot be encoded, is refused, and any other passes."""
    require_token("")
    with pytest.raises(InvalidArgumentError):
        require_token(token)


NOT_TIMES = [0, -1.0, math.nan, "1", None, Decimal(1), 10**400, -(10**400), 10**5000]


@pytest.mark.parametrize("seconds", NOT_TIMES, ids=shown)
def test_a_malformed_time_is_refused(seconds: float) -> None:
    """A time is a number above 0 that a float can hold, also infinity."""
    require_seconds("a time", math.inf)
    with pytest.raises(InvalidArgumentError):
        require_seconds("a time", seconds)
