"""Every error of the library can be copied and pickled: a pool of processes, or a test runner, does so."""

import copy
import importlib
import pickle
import pkgutil
from collections.abc import Callable

import pytest

import layercache
from layercache.backends.redis.resp import ReplyFault
from layercache.backends.redis.scan import _AnotherServerError
from layercache.backends.redis.schema import NonsenseError
from layercache.backends.redis.transport.bounds import OutOfBoundsError
from layercache.backends.redis.transport.wire import LinkLost
from layercache.errors import (
    BackendError,
    BackendUnavailableError,
    CanceledError,
    ContextError,
    CorruptEntryError,
    DeadlineExceededError,
    EventLoopError,
    InvalidArgumentError,
    LayerCacheError,
    NotFoundError,
)
from layercache.testing.brackets import BodyError
from layercache.web.oci import OCIError
from layercache.web.policy import ClientDisconnectedError

ERRORS = [
    LayerCacheError("a"),
    InvalidArgumentError("a"),
    NotFoundError("sha256:00"),
    ContextError("a"),
    CanceledError("a"),
    DeadlineExceededError("a"),
    EventLoopError("a"),
    BackendError("a"),
    BackendUnavailableError("a"),
    CorruptEntryError("blobs::sha256:00", "size"),
    OCIError(405, "UNSUPPORTED", "no such method", {"Allow": "GET"}),
    OCIError(404, "BLOB_UNKNOWN", "nobody has it"),
    ReplyFault("MOVED 1 127.0.0.1:1"),
    _AnotherServerError(),
    NonsenseError("a"),
    LinkLost("a"),
    OutOfBoundsError("a"),
    ClientDisconnectedError("a"),
    BodyError("a"),
]
COPIES: dict[str, Callable[[Exception], Exception]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda error: pickle.loads(pickle.dumps(error)),
}


def defined() -> set[type]:
    """Every kind of error that a module of the library defines."""
    names = [module.name for module in pkgutil.walk_packages(layercache.__path__, "layercache.")]
    return {
        value
        for name in names
        for value in vars(importlib.import_module(name)).values()
        if isinstance(value, type) and issubclass(value, BaseException) and value.__module__ == name
    }


def test_every_error_has_an_example() -> None:
    """No error of the library is left out below."""
    assert {type(error) for error in ERRORS} == defined()


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_a_copy_is_whole(error: Exception, copied: Callable[[Exception], Exception]) -> None:
    """A copy of an error has its type, its text and each of its attributes."""
    twin = copied(error)
    assert type(twin) is type(error)
    assert (str(twin), repr(twin), vars(twin)) == (str(error), repr(error), vars(error))
