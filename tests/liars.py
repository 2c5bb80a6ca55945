"""Values whose types say something else of them than what they are made of."""

import enum
from collections.abc import Callable
from typing import Self
from unittest.mock import Mock

from layercache.names import Digest, Repository

OTHER = "another/name"


class Formatted(str):
    """Prints another name than it is."""

    __slots__ = ()

    def __str__(self) -> str:
        return OTHER

    def __format__(self, spec: str) -> str:
        return OTHER

    def __repr__(self) -> str:
        raise ValueError("it does not show itself")


class Equal(str):
    """Equals another name than it is."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return other == OTHER

    def __ne__(self, other: object) -> bool:
        return other != OTHER

    def __hash__(self) -> int:
        return hash(OTHER)


class Harmless(str):
    """Says of itself that there is nothing to find fault with."""

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
    """Of a type that nobody looks at again, but for its name; made without its grammar."""

    def __new__(cls, text: str) -> Self:
        return str.__new__(cls, text)

    def __str__(self) -> str:
        return OTHER


class OddRepository(Repository):
    """The same of a repository."""

    def __new__(cls, text: str) -> Self:
        return str.__new__(cls, text)

    def __format__(self, spec: str) -> str:
        return OTHER


def enumerated(text: str) -> str:
    """A member of an Enum of strings, which prints its own name."""
    return enum.Enum("Enumerated", {"MEMBER": text}, type=str).MEMBER  # type: ignore[no-any-return,attr-defined]


def str_enumerated(text: str) -> str:
    """A member of a StrEnum, which prints its value: today."""
    return enum.StrEnum("StrEnumerated", {"MEMBER": text}).MEMBER  # type: ignore[no-any-return,attr-defined]


# Each makes of a text a str of another type with the same characters.
LIARS: dict[str, Callable[[str], str]] = {
    "Enum": enumerated,
    "StrEnum": str_enumerated,
    "Formatted": Formatted,
    "Equal": Equal,
    "Harmless": Harmless,
    "OddDigest": OddDigest,
    "OddRepository": OddRepository,
}


def mock_of_a_str() -> str:
    """What is no str, and says that it is one."""
    mock: str = Mock(spec=str)
    return mock
