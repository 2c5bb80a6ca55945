"""Digests and repository names, by the grammar of the OCI specifications.

A cache asks less of a name than this (see `cache.py`); the strict grammar is
the handler's to enforce, on what a client sent, by `parse_digest` and
`parse_repository`. What they return is a `str` of a type of its own, which
cannot be made of anything malformed; so the layers below need not look twice.

What counts of a subclass of `str` is its characters, never what its own methods
say of them: of a `class Repo(str, Enum)`, `str(Repo.PROD)` is "Repo.PROD".
"""

import re
from typing import Self

from layercache.errors import InvalidArgumentError, shown

MAX_REPOSITORY_LENGTH = 255
MAX_DIGEST_LENGTH = 1024

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_ALGORITHM = r"[a-z0-9]+(?:[+._-][a-z0-9]+)*"
_DIGEST = re.compile(rf"({_ALGORITHM}):([a-zA-Z0-9=_-]+)")
_HEX = re.compile(r"[0-9a-f]+")
_HEX_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}


class Digest(str):
    """A well-formed digest, `algorithm:encoded`; see `parse_digest`."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Hold *text* to the grammar."""
        text = plain("digest", text)
        found = _DIGEST.fullmatch(text) if len(text) <= MAX_DIGEST_LENGTH else None
        if found is None:
            raise InvalidArgumentError(f"not a digest: {shown(text)}")
        algorithm, encoded = found.groups()
        length = _HEX_LENGTHS.get(algorithm)
        if length is not None and not (len(encoded) == length and _HEX.fullmatch(encoded)):
            raise InvalidArgumentError(f"not {length} hexadecimal digits: {shown(text)}")
        return super().__new__(cls, text)

    @property
    def algorithm(self) -> str:
        """What stands before the colon: `sha256`."""
        return self.partition(":")[0]

    @property
    def encoded(self) -> str:
        """What stands after the colon: 64 hexadecimal digits for `sha256`."""
        return self.partition(":")[2]


class Repository(str):
    """A well-formed repository name; see `parse_repository`."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Hold *text* to the grammar."""
        text = plain("repository name", text)
        if len(text) > MAX_REPOSITORY_LENGTH or not _REPOSITORY.fullmatch(text):
            raise InvalidArgumentError(f"not a repository name: {shown(text)}")
        return super().__new__(cls, text)


def parse_digest(text: str) -> Digest:
    """Return *text* as a digest.

    Args:
        text: `algorithm:encoded`. For sha256, sha384 and sha512 the encoded
            part is 64, 96 or 128 lower-case hexadecimal digits; any other
            algorithm is held to the grammar only. At most 1,024 characters.
            Of a subclass of `str`, its characters.

    Raises:
        InvalidArgumentError: *text* is no digest.

    Source: OCI image-spec, descriptor.md, "Digests". The limit is ours: the
    specification has none, and a key has to end somewhere.
    """
    return text if type(text) is Digest else Digest(text)


def parse_repository(text: str) -> Repository:
    """Return *text* as the name of a repository.

    Args:
        text: Path components of lower-case letters and digits, parted inside
            by `.`, `_`, `__` or dashes and from each other by `/`; at most 255
            characters. Of a subclass of `str`, its characters.

    Raises:
        InvalidArgumentError: *text* is no repository name.

    Source: OCI distribution-spec, "Pulling manifests", `<name>`; 255 is the
    limit that the specification notes many clients to have.
    """
    return text if type(text) is Repository else Repository(text)


def plain(what: str, text: str) -> str:
    """Return the characters of *text*, which is to be a *what*, as a `str` itself.

    Raises:
        InvalidArgumentError: *text* is no `str`, nor of a subclass.
    """
    try:
        return str.__str__(text)
    except TypeError:
        raise InvalidArgumentError(f"not a {what}: {shown(text)}") from None
