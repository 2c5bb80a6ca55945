"""What a caller hears of an error reply, by its first word."""

import pytest

from layercache.errors import BackendError, BackendUnavailableError, CorruptEntryError
from layercache.redis.replies import ReplyFault, public

KINDS = {
    "CLUSTERDOWN": BackendUnavailableError,
    "TRYAGAIN": BackendUnavailableError,
    "NOREPLICAS": BackendUnavailableError,
    "BUSY": BackendUnavailableError,
    "LOADING": BackendUnavailableError,
    "READONLY": BackendUnavailableError,
    "MASTERDOWN": BackendUnavailableError,
    "WRONGTYPE": CorruptEntryError,
    "ERR": BackendError,
    "OOM": BackendError,
    "NOAUTH": BackendError,
    "NOPERM": BackendError,
    "WRONGPASS": BackendError,
    "NOSCRIPT": BackendError,
    "MOVED": BackendError,
    "BUSYKEY": BackendError,
}


@pytest.mark.parametrize(("code", "kind"), KINDS.items(), ids=KINDS)
def test_an_error_reply_has_its_kind(code: str, kind: type[BackendError]) -> None:
    """The first word of an error reply says what is raised, whatever stands behind it."""
    fault = ReplyFault(f"{code} LOADING WRONGTYPE")
    error = public(fault, "a key")
    assert type(error) is kind
    assert error.__cause__ is fault


@pytest.mark.parametrize("code", [code for code in KINDS if code != "WRONGTYPE"])
def test_an_error_reply_is_quoted(code: str) -> None:
    """What the server said is the message, unless it is about a key."""
    assert str(public(ReplyFault(f"{code} as it said"), "a key")) == f"{code} as it said"


def test_a_key_of_a_wrong_type_is_named() -> None:
    """What is corrupt is the key that was asked for, and no field of it."""
    error = public(ReplyFault("WRONGTYPE Operation against a key"), "a key")
    assert isinstance(error, CorruptEntryError)
    assert (error.key, error.field) == ("a key", "")
