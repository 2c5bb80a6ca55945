"""What a client of a registry is told when something is wrong: the bodies of the OCI specification.

For any framework: `layercache.fastapi` and `layercache.aiohttp` send these.
"""

import logging
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from layercache.errors import (
    BackendUnavailableError,
    CanceledError,
    CorruptEntryError,
    DeadlineExceededError,
    InvalidArgumentError,
    LayerCacheError,
    NotFoundError,
)
from layercache.web.policy import ClientDisconnectedError

_log = logging.getLogger(__name__)


class OCIError(Exception):
    """What a client is told.

    Attributes:
        status: Of HTTP.
        code: Of the OCI distribution-spec, "Error codes", or of its ancestor.
        headers: That go with it.
    """

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Say it in these words; *headers* are sent along."""
        self.headers: Mapping[str, str] = dict(headers or {})
        super().__init__(status, code, message, self.headers)  # Keeps the error picklable.
        self.status = status
        self.code = code
        self._message = message

    def __str__(self) -> str:
        return self._message

    def body(self) -> dict[str, list[dict[str, str | None]]]:
        """Return the body that the specification asks for, to be sent as JSON."""
        return {"errors": [{"code": self.code, "message": str(self), "detail": None}]}


@contextmanager
def as_oci_error(status: int, code: str) -> Iterator[None]:
    """Have what is unknown, or malformed, be told in these words.

    A handler knows what a name was meant to be, which the error does not:

        with as_oci_error(400, "DIGEST_INVALID"):
            dgst = parse_digest(text)

    Raises:
        OCIError: Of *status* and *code*, in place of a `NotFoundError` or an
            `InvalidArgumentError`.
    """
    try:
        yield
    except (NotFoundError, InvalidArgumentError) as error:
        raise OCIError(status, code, str(error)) from error


def to_oci_error(error: LayerCacheError, request_id: str = "") -> OCIError:
    """Return what is told of *error* where the handler did not say it itself.

    400 for a malformed argument, 404 for what nobody has, 499 if the client
    went away (nobody reads it, but logs do), 504 if the time was up, 503 for
    a store that is unavailable or a call that was given up, else 500.

    What a store said may name hosts, directories and whatever else a server does not
    tell strangers. So the client is told that it failed and what to ask for in the log,
    and the log, `layercache.web.oci`, has the rest.

    Args:
        error: What went wrong.
        request_id: What the log and the client call the request; by default a new name.
    """
    match error:
        case InvalidArgumentError():
            return OCIError(400, "UNSUPPORTED", str(error))
        case NotFoundError():
            return OCIError(404, "BLOB_UNKNOWN", str(error))
        case DeadlineExceededError():
            return OCIError(504, "UNAVAILABLE", str(error))
        case CanceledError(__cause__=ClientDisconnectedError()):
            return OCIError(499, "UNAVAILABLE", str(error))
        case CanceledError():
            return OCIError(503, "UNAVAILABLE", str(error))
        case BackendUnavailableError():
            status, code, told_of_it = 503, "UNAVAILABLE", "a store of this registry is unavailable"
        case CorruptEntryError():  # A key or a path, both from the root of their store.
            status, code, told_of_it = 500, "UNKNOWN", str(error)
        case _:
            status, code, told_of_it = 500, "UNKNOWN", "a store of this registry failed"
    request_id = request_id or secrets.token_hex(8)
    _log.error("request %s: %s: %s", request_id, type(error).__name__, error)
    return OCIError(status, code, f"{told_of_it}; request {request_id}")
