"""What a caller gets for an error reply, by its first word."""

import pytest

from layercache import BackendError, BackendUnavailableError, CorruptEntryError
from layercache.backends.redis.resp import ReplyFault, public
from layercache.web.oci import to_oci_error

KINDS = {
    "CLUSTERDOWN": BackendUnavailableError,
    "TRYAGAIN": BackendUnavailableError,
    "NOREPLICAS": BackendUnavailableError,
    "BUSY": BackendUnavailableError,
    "LOADING": BackendUnavailableError,
    "MISCONF": BackendUnavailableError,
    "READONLY": BackendUnavailableError,
    "MASTERDOWN": BackendUnavailableError,
    "UNBLOCKED": BackendUnavailableError,
    "INPROG": BackendUnavailableError,
    "NOGOODSLAVE": BackendUnavailableError,
    "NOMASTERLINK": BackendUnavailableError,
    "NOQUORUM": BackendUnavailableError,
    "WRONGTYPE": CorruptEntryError,
    "ERR": BackendError,
    "OOM": BackendError,
    "NOAUTH": BackendError,
    "NOPERM": BackendError,
    "WRONGPASS": BackendError,
    "DENIED": BackendError,
    "NOPROTO": BackendError,
    "NOSCRIPT": BackendError,
    "MOVED": BackendError,
    "ASK": BackendError,
    "CROSSSLOT": BackendError,
    "REDIRECT": BackendError,
    "EXECABORT": BackendError,
    "NOTBUSY": BackendError,
    "UNKILLABLE": BackendError,
    "BUSYKEY": BackendError,
    "IOERR": BackendError,
}
FULL = (
    "ERR max number of clients reached",
    "ERR max number of clients + cluster connections reached",
)


@pytest.mark.parametrize(("code", "kind"), KINDS.items(), ids=KINDS)
def test_an_error_reply_has_its_kind(code: str, kind: type[BackendError]) -> None:
    """The first word of an error reply decides what is raised, whatever follows it."""
    fault = ReplyFault(f"{code} LOADING WRONGTYPE")
    error = public(fault, "a key")
    assert type(error) is kind
    assert error.__cause__ is fault


@pytest.mark.parametrize("text", FULL)
def test_a_server_that_is_full_is_unavailable(text: str) -> None:
    """A server that has as many clients as it takes has no code for that, and is unavailable all the same."""
    assert type(public(ReplyFault(text))) is BackendUnavailableError


@pytest.mark.parametrize(("code", "kind"), KINDS.items(), ids=KINDS)
def test_a_client_of_the_registry_gets_503_if_it_may_try_again(code: str, kind: type[BackendError]) -> None:
    """What passes by itself is 503 to a client of the registry, and what does not is 500."""
    expected = 503 if kind is BackendUnavailableError else 500
    assert to_oci_error(public(ReplyFault(f"{code} as it came"), "a key")).status == expected


@pytest.mark.parametrize("code", [code for code in KINDS if code != "WRONGTYPE"])
def test_an_error_reply_is_quoted(code: str) -> None:
    """The text of the server is the message, unless it is about a key."""
    assert str(public(ReplyFault(f"{code} as it came"), "a key")) == f"{code} as it came"


def test_a_key_of_a_wrong_type_is_named() -> None:
    """What is corrupt is the key that was asked for, and no field of it."""
    error = public(ReplyFault("WRONGTYPE Operation against a key"), "a key")
    assert isinstance(error, CorruptEntryError)
    assert (error.key, error.field) == ("a key", "")
