"""Subclasses of `str` that print, or compare as, another text than their characters."""

import enum
from collections.abc import Callable
from typing import Self
from unittest.mock import Mock

from layercache.names import Digest, Repository

OTHER = "another/name"


class Formatted(str):
    """Prints another name than its characters."""

    __slots__ = ()

    def __str__(self) -> str:
        return OTHER

    def __format__(self, spec: str) -> str:
        return OTHER

    def __repr__(self) -> str:
        raise ValueError("it has no repr")


class Equal(str):
    """Equals another name than its characters."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return other == OTHER

    def __ne__(self, other: object) -> bool:
        return other != OTHER

    def __hash__(self) -> int:
        return hash(OTHER)


class Harmless(str):
    """Claims to be well-formed."""

    __slots__ = ()

    def __len__(self) -> int:
        return 1

    def __contains__(self, part: object) -> bool:
        return False

    def isprintable(self) -> bool:
        return True

    def isascii(self) -> bool:
        return True

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return OTHER.encode()


class OddDigest(Digest):
    """Derives from `Digest`, which is not checked again, and was made without its grammar."""

    def __new__(cls, text: str) -> Self:
        return str.__new__(cls, text)

    def __str__(self) -> str:
        return OTHER


class OddRepository(Repository):
    """The same for a repository."""

    def __new__(cls, text: str) -> Self:
        return str.__new__(cls, text)

    def __format__(self, spec: str) -> str:
        return OTHER


def enumerated(text: str) -> str:
    """A member of an Enum of strings, which prints its own name."""
    return enum.Enum("Enumerated", {"MEMBER": text}, type=str).MEMBER  # type: ignore[no-any-return,attr-defined]


def str_enumerated(text: str) -> str:
    """A member of a StrEnum, which prints its value, in this version of Python."""
    return enum.StrEnum("StrEnumerated", {"MEMBER": text}).MEMBER  # type: ignore[no-any-return,attr-defined]


# Each makes from a text a str of another type with the same characters.
STR_SUBCLASSES: dict[str, Callable[[str], str]] = {
    "Enum": enumerated,
    "StrEnum": str_enumerated,
    "Formatted": Formatted,
    "Equal": Equal,
    "Harmless": Harmless,
    "OddDigest": OddDigest,
    "OddRepository": OddRepository,
}


def mock_of_a_str() -> str:
    """A mock that is no str, and claims to be one."""
    mock: str = Mock(spec=str)
    return mock
