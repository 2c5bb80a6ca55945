"""What a cache asks of its arguments: once, above the backends.

Only what keeps one key from being taken for another, and a value from being
unreadable to those who share the store. A value whose type proves it
well-formed is not looked at again: that look is the dearest part of a call
from memory.

A name is passed on as it came, so it must be a `str` itself: of a subclass, an
Enum say, the characters would be looked at here, and what its `__str__` and
`__format__` make of them would stand in the key.
"""

from collections.abc import Sequence

from layercache.errors import InvalidArgumentError, shown
from layercache.meta import LayerMeta
from layercache.names import MAX_DIGEST_LENGTH, MAX_REPOSITORY_LENGTH, Digest, Repository

MOST_ENTRIES = 2**31
LENGTH_BOUND = 2**63  # a Go registry reads lengths into an int64

# What most callers have comes first: to ask the abstract class takes 200 ns.
_SEQUENCES = (list, tuple, Sequence)


def require_key(repo: str, dgst: str) -> None:
    """Raise `InvalidArgumentError` unless both can stand in a key."""
    if type(repo) is not Repository:
        _require("repository", repo, MAX_REPOSITORY_LENGTH)
    if type(dgst) is not Digest:
        _require("digest", dgst, MAX_DIGEST_LENGTH)


def require_repository(repo: str) -> None:
    """Raise `InvalidArgumentError` unless *repo* can stand in a key."""
    if type(repo) is not Repository:
        _require("repository", repo, MAX_REPOSITORY_LENGTH)


def require_half(repo: str | None, dgst: str) -> None:
    """Raise `InvalidArgumentError` unless *dgst*, and *repo* if there is one, can stand in a key."""
    if repo is not None:
        require_key(repo, dgst)
    else:
        require_digest(dgst)


def require_digest(dgst: str) -> None:
    """Raise `InvalidArgumentError` unless *dgst* can stand in a key."""
    if type(dgst) is not Digest:
        _require("digest", dgst, MAX_DIGEST_LENGTH)


def require_keys(repo: str, dgsts: Sequence[str]) -> None:
    """Raise `InvalidArgumentError` unless *repo* and each of *dgsts* can stand in a key."""
    if type(repo) is not Repository:
        _require("repository", repo, MAX_REPOSITORY_LENGTH)
    if issubclass(type(dgsts), str):
        raise InvalidArgumentError("a sequence of digests is wanted, not one digest")
    if not isinstance(dgsts, _SEQUENCES):  # To look at each would use up an iterator.
        raise InvalidArgumentError(f"a sequence of digests is wanted, not a {type(dgsts).__name__}")
    for dgst in dgsts:
        require_digest(dgst)


def require_meta(meta: LayerMeta) -> None:
    """Raise `InvalidArgumentError` unless *meta* says where something could lie."""
    if type(meta) is not LayerMeta:
        raise InvalidArgumentError(f"not a LayerMeta: {shown(meta)}")
    path, length, media_type = tuple[object, ...](meta)  # A NamedTuple takes anything.
    if not (type(path) is str and path and type(media_type) is str):
        raise InvalidArgumentError(f"a meta needs a path and a media type, each a str itself: {shown(meta)}")
    if not _is_encodable(path + media_type):
        raise InvalidArgumentError(f"a path and a media type can be written as UTF-8: {shown(meta)}")
    if not (type(length) is int and 0 <= length < LENGTH_BOUND):
        raise InvalidArgumentError(f"a length is from 0 to 2**63 - 1: {shown(length)}")


def require_token(token: str) -> None:
    """Raise `InvalidArgumentError` unless *token* is what a lease could hold."""
    if not (type(token) is str and _is_encodable(token)):
        raise InvalidArgumentError(f"a token of a lease is a str itself, not {shown(token)}")


def require_entries(what: str, count: object) -> None:
    """Raise `InvalidArgumentError` unless *count* is a number of entries that a table can have."""
    if not (type(count) is int and 1 <= count <= MOST_ENTRIES):
        raise InvalidArgumentError(f"{what} is 1 to 2**31 entries, not {shown(count)}")


def require_seconds(what: str, seconds: object) -> None:
    """Raise `InvalidArgumentError` unless *seconds* is a number above 0."""
    if not (isinstance(seconds, int | float) and seconds > 0 and _is_a_float(seconds)):
        raise InvalidArgumentError(f"{what} is more than 0 seconds, not {shown(seconds)}")


def _require(what: str, text: str, limit: int) -> None:
    if type(text) is not str and type(text) is not Digest and type(text) is not Repository:
        kind = type(text).__name__
        raise InvalidArgumentError(
            f"a {what} is a str itself, not {kind}: of a subclass, pass str.__str__(it)"
        )
    if not 0 < len(text) <= limit:
        raise InvalidArgumentError(f"a {what} has 1 to {limit} characters, not {len(text)}")
    # isprintable refuses control characters and all white space but the blank.
    if not text.isprintable() or " " in text or "::" in text:
        raise InvalidArgumentError(f"a {what} has no white space, control characters or '::': {text[:100]!r}")


def _is_a_float(number: float) -> bool:
    try:
        float(number)
    except OverflowError:  # an int above 1.8e308
        return False
    return True


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True
