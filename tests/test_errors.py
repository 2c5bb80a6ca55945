"""The errors: one family, each of the standard library's kind, which can be copied and quote any value."""

import copy
import importlib
import pickle
import pkgutil
from collections.abc import Callable

import pytest

import layercache
from layercache import LayerMeta, MemoryCache, RedisCache, background
from layercache.backends.redis.resp import ReplyFault
from layercache.backends.redis.scan import _AnotherServerError
from layercache.backends.redis.schema import NonsenseError, to_meta
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
    UnsupportedError,
)
from layercache.testing import new_digest
from layercache.testing.brackets import BodyError
from layercache.web.oci import OCIError
from layercache.web.policy import ClientDisconnectedError

BASES = {
    LayerCacheError: {Exception},
    InvalidArgumentError: {LayerCacheError, ValueError},
    NotFoundError: {LayerCacheError, LookupError},
    UnsupportedError: {LayerCacheError},
    ContextError: {LayerCacheError},
    CanceledError: {ContextError},
    DeadlineExceededError: {ContextError, TimeoutError},
    EventLoopError: {LayerCacheError, RuntimeError},
    BackendError: {LayerCacheError},
    BackendUnavailableError: {BackendError},
    CorruptEntryError: {BackendError},
}

EXAMPLES = {
    LayerCacheError("a"): "a",
    InvalidArgumentError("a digest is a str, not int"): "a digest is a str, not int",
    NotFoundError("sha256:00"): "nothing is known of sha256:00",
    UnsupportedError("use stat"): "use stat",
    ContextError("a"): "a",
    CanceledError(): "context canceled",
    CanceledError("the client hung up"): "the client hung up",
    DeadlineExceededError(): "context deadline exceeded",
    DeadlineExceededError("past 0.25 s"): "past 0.25 s",
    EventLoopError("another loop"): "another loop",
    BackendError("OOM"): "OOM",
    BackendUnavailableError("redis://localhost: refused"): "redis://localhost: refused",
    CorruptEntryError("blobs::sha256:00"): "corrupt entry: blobs::sha256:00",
    CorruptEntryError("blobs::sha256:00", "size"): "corrupt entry: blobs::sha256:00, field size",
}

# One of each kind of error in the library. A pool of processes, or a test runner, copies and pickles them.
ERRORS = [
    *EXAMPLES,
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

HUGE = 10**5000  # Python writes no int of more than 4,300 digits


class WithoutRepr:
    """Its repr fails."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


def defined() -> set[type]:
    """Every kind of error that a module of the library defines."""
    names = [module.name for module in pkgutil.walk_packages(layercache.__path__, "layercache.")]
    return {
        value
        for name in names
        for value in vars(importlib.import_module(name)).values()
        if isinstance(value, type) and issubclass(value, BaseException) and value.__module__ == name
    }


# ---- the family


def test_the_family_is_complete() -> None:
    """Every error of the module stands in the table above."""
    assert {value for value in vars(layercache.errors).values() if isinstance(value, type)} == set(BASES)


@pytest.mark.parametrize("kind", BASES, ids=lambda kind: kind.__name__)
def test_kind(kind: type[LayerCacheError]) -> None:
    """An error can be caught as its parent, and as the standard library's kind of it."""
    assert set(kind.__bases__) == BASES[kind]


@pytest.mark.parametrize("error", EXAMPLES, ids=repr)
def test_message(error: LayerCacheError) -> None:
    """The text of an error says what happened, and to what."""
    assert str(error) == EXAMPLES[error]


def test_fields() -> None:
    """The digest, key and field of an error are attributes of it."""
    assert NotFoundError("sha256:00").dgst == "sha256:00"
    corrupt = CorruptEntryError("blobs::sha256:00", "size")
    assert (corrupt.key, corrupt.field) == ("blobs::sha256:00", "size")


def test_a_miss_is_no_failure_of_a_backend() -> None:
    """A miss, the end of a context and a wrong argument are no `BackendError`."""
    assert not any(
        issubclass(kind, BackendError) for kind in (NotFoundError, ContextError, InvalidArgumentError)
    )


# ---- copies


def test_every_error_has_an_example() -> None:
    """The list of examples has each kind of error that the library defines."""
    assert {type(error) for error in ERRORS} == defined()


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_a_copy_is_whole(error: Exception, copied: Callable[[Exception], Exception]) -> None:
    """A copy of an error has its type, its text and each of its attributes."""
    other = copied(error)
    assert type(other) is type(error)
    assert (str(other), repr(other), vars(other)) == (str(error), repr(error), vars(error))


# ---- values that cannot be quoted


@pytest.mark.parametrize("length", [HUGE, -HUGE, WithoutRepr()], ids=["huge", "minus huge", "without repr"])
async def test_a_length_that_cannot_be_quoted(length: int) -> None:
    """A length that cannot be written in a message is refused like any other wrong length."""
    async with MemoryCache() as cache:
        with pytest.raises(InvalidArgumentError, match="a length is from 0"):
            await cache.set_meta(background(), new_digest(), LayerMeta("/data", length))


def test_a_setting_that_cannot_be_quoted() -> None:
    """A setting that cannot be written in a message is refused like any other wrong setting."""
    with pytest.raises(InvalidArgumentError, match="entries"):
        MemoryCache(HUGE)
    with pytest.raises(InvalidArgumentError, match="ttl"):
        RedisCache("redis://localhost", ttl=HUGE)
    with pytest.raises(InvalidArgumentError, match="ttl"):
        MemoryCache(ttl=-HUGE)


@pytest.mark.parametrize("reply", [HUGE, [HUGE], {b"a": HUGE}], ids=["number", "array", "map"])
def test_a_reply_that_cannot_be_quoted(reply: object) -> None:
    """A reply of Redis that cannot be written in a message is refused like any other wrong reply."""
    with pytest.raises(NonsenseError, match="no answer about"):
        to_meta("sha256:00", reply)


async def test_a_long_value_is_quoted_in_part() -> None:
    """A message quotes no more than the beginning of a long value."""
    async with MemoryCache() as cache:
        with pytest.raises(InvalidArgumentError) as raised:
            await cache.set_meta(background(), new_digest(), LayerMeta("/data" * 10**6, -1, ""))
    assert len(str(raised.value)) < 300
