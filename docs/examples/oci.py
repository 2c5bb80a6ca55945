"""What OCI and HTTP ask of any registry, whatever its framework: errors, conditions, ranges, types."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from layercache import (
    BackendUnavailableError,
    ContextError,
    InvalidArgumentError,
    LayerCacheError,
    NotFoundError,
)

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


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
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers

    def body(self) -> dict[str, list[dict[str, str | None]]]:
        """The body that the specification asks for."""
        return {"errors": [{"code": self.code, "message": str(self), "detail": None}]}


@contextmanager
def told(status: int, code: str) -> Iterator[None]:
    """Have what is unknown, or malformed, be told in these words."""
    try:
        yield
    except (NotFoundError, InvalidArgumentError) as error:
        raise OCIError(status, code, str(error)) from error


def failure(error: LayerCacheError) -> OCIError:
    """What is told of an error that no client is to blame for."""
    if isinstance(error, BackendUnavailableError | ContextError):
        return OCIError(503, "UNAVAILABLE", str(error))
    return OCIError(500, "UNKNOWN", str(error))


def is_known(headers: Mapping[str, str], etag: str) -> bool:
    """Whether the client says that it has what *etag* stands for: `If-None-Match`."""
    known = headers.get("If-None-Match", "")
    return known == "*" or etag in re.findall(r'"[^"]*"', known)


def wanted_part(headers: Mapping[str, str], etag: str, length: int) -> range | None:
    """The bytes that the client asks for, of *length* bytes: `Range`, `If-Range`.

    Returns:
        None where there is nothing to obey: it does not ask, or asks for a part
        of something else, for several parts (a server may refuse), in malformed
        words, or of nothing.

    Raises:
        OCIError: There are no such bytes.

    Source: RFC 9110, sections 13.1.5 and 14.2.
    """
    wanted = headers.get("Range", "") if headers.get("If-Range", etag) == etag else ""
    found = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", wanted, re.IGNORECASE)
    if found is None or length == 0:
        return None
    match [int(number) if number else None for number in found.groups()]:
        case [int(first), int(last)] if first <= last:
            part = range(first, min(last + 1, length))
        case [int(first), None]:
            part = range(first, length)
        case [None, int(count)]:
            part = range(max(0, length - count), length)
        case _:
            return None
    if not part:
        raise OCIError(416, "RANGE_INVALID", f"not in {length} bytes", {"Content-Range": f"bytes */{length}"})
    return part


def media_type(manifest: bytes) -> str:
    """The type of a manifest: what it says itself, or else what it must be.

    Whoever pushes chooses what it says, so no type is repeated that a browser
    might take for a page.

    Raises:
        ValueError: It is no JSON object.
    """
    content = json.loads(manifest)
    if not isinstance(content, dict):
        raise ValueError("a manifest is a JSON object")  # noqa: TRY004 - one error, whatever it is instead
    said = content.get("mediaType")
    if isinstance(said, str) and re.fullmatch(r"application/[\w.+-]+", said, re.ASCII):
        return said
    return OCI_INDEX if "manifests" in content else OCI_MANIFEST
