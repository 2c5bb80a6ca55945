"""The errors: one family, each with the kind that the standard library has for it."""

import pickle

import pytest

import layercache.errors
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

BASES = {
    LayerCacheError: {Exception},
    InvalidArgumentError: {LayerCacheError, ValueError},
    NotFoundError: {LayerCacheError, LookupError},
    ContextError: {LayerCacheError},
    CanceledError: {ContextError},
    DeadlineExceededError: {ContextError, TimeoutError},
    EventLoopError: {LayerCacheError, RuntimeError},
    BackendError: {LayerCacheError},
    BackendUnavailableError: {BackendError},
    CorruptEntryError: {BackendError},
}

EXAMPLES = {
    InvalidArgumentError("a digest is a str, not int"): "a digest is a str, not int",
    NotFoundError("sha256:00"): "nothing is known of sha256:00",
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


def test_the_family_is_complete() -> None:
    """Every error of the module stands in the table above."""
    defined = {value for value in vars(layercache.errors).values() if isinstance(value, type)}
    assert defined == set(BASES)


@pytest.mark.parametrize("kind", BASES, ids=lambda kind: kind.__name__)
def test_kind(kind: type[LayerCacheError]) -> None:
    """An error is caught as its parent, and as the standard library's kind of it."""
    assert set(kind.__bases__) == BASES[kind]


@pytest.mark.parametrize("error", EXAMPLES, ids=repr)
def test_message(error: LayerCacheError) -> None:
    """The text of an error tells what happened, and to what."""
    assert str(error) == EXAMPLES[error]


@pytest.mark.parametrize("error", EXAMPLES, ids=repr)
def test_errors_survive_pickling(error: LayerCacheError) -> None:
    """An error comes out of a pickle with its type, text and fields."""
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_fields() -> None:
    """What an error is about can be read without taking its text apart."""
    assert NotFoundError("sha256:00").dgst == "sha256:00"
    corrupt = CorruptEntryError("blobs::sha256:00", "size")
    assert (corrupt.key, corrupt.field) == ("blobs::sha256:00", "size")


def test_a_miss_is_no_failure_of_a_backend() -> None:
    """Who catches the failures of a backend does not catch a miss or the end of a context."""
    assert not any(
        issubclass(kind, BackendError) for kind in (NotFoundError, ContextError, InvalidArgumentError)
    )
