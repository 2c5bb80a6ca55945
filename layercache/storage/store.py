"""How a store of obstore's is opened, and what becomes of its errors; for all that use one.

A storage's URL may have a password, a key or a signature in it. obstore quotes the
URL in its messages, and dumps its own insides behind their first line. So an error
of its is masked in place before anybody sees it, since the error of ours that
takes its place is linked to it; and no message of ours quotes what it was given.
"""

import atexit
import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import obstore
import obstore.store
from obstore.exceptions import BaseError, GenericError, UnknownConfigurationKeyError
from obstore.store import HTTPStore

from layercache.errors import (
    BackendError,
    BackendUnavailableError,
    InvalidArgumentError,
    LayerCacheError,
)

if TYPE_CHECKING:  # obstore names it for type checkers only.
    from obstore.store import ObjectStore

E = TypeVar("E", bound=LayerCacheError)

FAILURES = (BaseError, OSError)  # what obstore raises when a storage fails

MAX_REASON = 500  # characters; a storage may answer with a page

_USER = re.compile(r"(?<=://)[^\s\"<>]*@")
_QUERY = re.compile(r"\?[^\s\"<>]+")


def masked(text: str) -> str:
    """Return *text* without what may be secret in its URLs: a user, and a query, which may be signed."""
    return _QUERY.sub("?***", _USER.sub("***@", text))


def masked_url(url: str) -> str:
    """Return the whole of a URL, as somebody wrote it, without what may be secret in it.

    A key may have a slash or a question mark in it, and a query an "@": what could be either is left out.
    """
    scheme, slashes, rest = url.partition("://")
    user, at, place = rest.rpartition("@")
    if "?" in user or not slashes:
        return f"{url.partition(':')[0]}://***"
    return masked(f"{scheme}://***@{place}" if at else url)


class MaskedHTTPStore(HTTPStore):
    """An HTTP store, whose URL is all that opens it; other stores do not show what lets them in."""

    def __repr__(self) -> str:
        return f"HTTPStore({masked_url(self.url)!r})"


def open_store(url: str, options: Mapping[str, object]) -> "ObjectStore | LayerCacheError":
    """Open the store at *url*, and return it, or why it cannot be opened; nothing is asked of a bucket yet.

    Returned, and not raised, since the frames of an error show what is in them.
    Raise it when *url* and *options* are gone.

    Args:
        url: What `StorageSource` takes.
        options: What `obstore.store.from_url` takes.

    Returns:
        The store; an `InvalidArgumentError` if *url* or an option is not
        understood; a `BackendUnavailableError` if the directory does not
        exist, or nothing names the account.
    """
    try:
        scheme = obstore.parse_scheme(url)
    except (BaseError, ValueError) as error:
        error.args = ("not understood",)  # It quotes what was given, of which nothing is known.
        expected = "file:///directory, s3://bucket/prefix, gs://… or az://… is expected"
        return _caused(InvalidArgumentError(f"not a storage URL: {expected}"), error)
    opening: Callable[..., ObjectStore] = obstore.store.from_url
    if scheme == "http":
        opening = MaskedHTTPStore.from_url
    try:
        store = opening(url, **options)
    except (UnknownConfigurationKeyError, TypeError, ValueError) as error:
        mask(error)
        return _caused(InvalidArgumentError(f"not an option for {masked_url(url)}: {error}"), error)
    except BaseError as error:
        return _caused(failure(masked_url(url), error), error)
    atexit.unregister(_let_threads_leave)  # However many stores, once is enough.
    atexit.register(_let_threads_leave)
    return store


def failure(where: str, error: Exception) -> BackendError:
    """Return the error of ours for *error*, one of `FAILURES`, which is masked and becomes its cause.

    obstore has one word for all that a network or a disk can do.
    """
    mask(error)
    kind = BackendUnavailableError if isinstance(error, GenericError) else BackendError
    failed = kind(f"{where}: {error}")
    failed.__cause__ = error
    return failed


def mask(error: Exception) -> None:
    """Leave of the message of *error* its first line, and nothing secret."""
    reason = str(error).partition("\n")[0]
    error.args = (masked(reason)[:MAX_REASON],)


def _caused(failed: E, error: Exception) -> E:
    """*failed*, which *error* caused; without the frames of that one."""
    mask(error)
    failed.__cause__ = error.with_traceback(None)
    return failed


def _let_threads_leave() -> None:
    """Keep a process that ends right after an answer from being aborted.

        1  a thread of the driver hands over its answer, and waits for the GIL to leave by
        2  the answer was the last one: the interpreter begins to finalize
        3  the thread, told so, dies inside the interpreter        <- Fatal Python error

    It waits 5 ms at most for a thread that holds the GIL and does not give it
    up; here the GIL is free. (PyO3/pyo3-async-runtimes, issue 40; up to
    Python 3.13.)
    """
    time.sleep(0.05)
