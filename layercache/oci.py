"""What a client of a registry is told when something is wrong: the bodies of the OCI specification.

For any framework: `layercache.fastapi` and `layercache.aiohttp` send these.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from layercache.errors import (
    BackendUnavailableError,
    CanceledError,
    DeadlineExceededError,
    InvalidArgumentError,
    LayerCacheError,
    NotFoundError,
)
from layercache.requests import ClientDisconnectedError


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
def told(status: int, code: str) -> Iterator[None]:
    """Have what is unknown, or malformed, be told in these words.

    A handler knows what a name was meant to be, which the error does not:

        with told(400, "DIGEST_INVALID"):
            dgst = parse_digest(text)

    Raises:
        OCIError: Of *status* and *code*, in place of a `NotFoundError` or an
            `InvalidArgumentError`.
    """
    try:
        yield
    except (NotFoundError, InvalidArgumentError) as error:
        raise OCIError(status, code, str(error)) from error


def to_oci_error(error: LayerCacheError) -> OCIError:
    """Return what is told of *error* where the handler did not say it itself.

    400 for a malformed argument, 404 for what nobody has, 499 if the client
    went away (nobody reads it, but logs do), 504 if the time was up, 503 for
    a store that is unavailable or a call that was given up, else 500.
    """
    match error:
        case InvalidArgumentError():
            status, code = 400, "UNSUPPORTED"
        case NotFoundError():
            status, code = 404, "BLOB_UNKNOWN"
        case DeadlineExceededError():
            status, code = 504, "UNAVAILABLE"
        case CanceledError(__cause__=ClientDisconnectedError()):
            status, code = 499, "UNAVAILABLE"
        case CanceledError() | BackendUnavailableError():
            status, code = 503, "UNAVAILABLE"
        case _:
            status, code = 500, "UNKNOWN"
    return OCIError(status, code, str(error))
