"""What OCI and HTTP ask of any registry, whatever its framework: conditions, ranges, manifests."""

import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn, TypedDict

from layercache import Digest, parse_digest
from layercache.oci import OCIError

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


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
        OCIError: There are no such bytes; none lie between 5 and 4, either.

    Source: RFC 9110, sections 13.1.5 and 14.2.
    """
    wanted = headers.get("Range", "") if headers.get("If-Range", etag) == etag else ""
    found = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", wanted, re.IGNORECASE)
    if found is None or length == 0:
        return None
    match [int(number) if number else None for number in found.groups()]:
        case [int(first), int(last)]:
            part = range(first, min(last + 1, length))
        case [int(first), None]:
            part = range(first, length)
        case [None, int(count)]:
            part = range(max(0, length - count), length)
        case _:
            return None
    if not part:
        raise OCIError(416, "SIZE_INVALID", f"not in {length} bytes", {"Content-Range": f"bytes */{length}"})
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


def place(headers: Mapping[str, str]) -> range | None:
    """Which bytes of an upload a chunk is, if the client says: `Content-Range: 0-99`.

    Raises:
        OCIError: It says so in malformed words, or of another length than the body has.
    """
    told = headers.get("Content-Range")
    if told is None:
        return None
    found = re.fullmatch(r"(?:bytes )?(\d{1,18})-(\d{1,18})(?:/\S+)?", told, re.ASCII)
    first, last = map(int, found.groups()) if found else (1, -1)
    if last < first - 1 or headers.get("Content-Length", str(last - first + 1)) != str(last - first + 1):
        raise OCIError(400, "SIZE_INVALID", f"not the bytes {told}")
    return range(first, last + 1)


async def require_length(chunks: AsyncIterator[bytes], length: int) -> AsyncIterator[bytes]:
    """Give *chunks* on.

    Raises:
        OCIError: They are not so many bytes.
    """
    async for chunk in chunks:
        length -= len(chunk)
        yield chunk
    if length != 0:
        raise OCIError(400, "SIZE_INVALID", "the body is not as long as Content-Range says")


def referrers_tag(subject: Digest) -> str:
    """The tag under which clients list what is about *subject*, where no registry does it for them."""
    return re.sub(r"[^\w.-]", "-", f"{subject.algorithm[:32]}-{subject.encoded[:64]}", flags=re.ASCII)


class Descriptor(TypedDict, total=False):
    """What describes a manifest to who looks for it."""

    mediaType: str
    digest: str
    size: int
    artifactType: str
    annotations: dict[str, str]


@dataclass(frozen=True)
class Contents:
    """What a registry has to know of a manifest.

    Attributes:
        media_type: Of the manifest.
        blobs: The digests that it cannot be without, each once: config and layers, none that lies elsewhere.
        manifests: The same, of an index.
        subject: The digest of what it is about, if it is about another manifest.
        descriptor: What describes it.
    """

    media_type: str
    blobs: tuple[Digest, ...]
    manifests: tuple[Digest, ...]
    subject: Digest | None
    descriptor: Descriptor


def digests(parts: Iterable[Mapping[str, str]]) -> tuple[Digest, ...]:
    """The digests of *parts*, each once."""
    return tuple(dict.fromkeys(parse_digest(part["digest"]) for part in parts))


def text(value: object) -> str:
    """What a manifest says where it has to say a string, or nothing."""
    if not isinstance(value, str | None):
        raise ValueError(f"not a string: {value!r:.100}")  # noqa: TRY004 - one error, whatever is wrong
    return value or ""


def refuse_constant(name: str) -> NoReturn:
    """Refuse what Python takes for a number, and JSON does not: `NaN`, `Infinity`."""
    raise ValueError(f"not JSON: {name}")


def read_manifest(dgst: Digest, manifest: bytes) -> Contents:
    """What is in the manifest *dgst*.

    Raises:
        OCIError: It is none.
    """
    try:
        content = json.loads(manifest, parse_constant=refuse_constant)
        # What a client in Go has none of, it may send as null.
        config, layers = content.get("config") or {}, content.get("layers") or ()
        blobs = [part for part in (*([config] if config else []), *layers) if "urls" not in part]
        subject = content.get("subject")
        descriptor: Descriptor = {"mediaType": media_type(manifest), "digest": dgst, "size": len(manifest)}
        if artifact_type := text(content.get("artifactType")) or text(config.get("mediaType")):
            descriptor["artifactType"] = artifact_type
        if annotations := content.get("annotations"):
            descriptor["annotations"] = {name: text(value) for name, value in annotations.items()}
        return Contents(
            descriptor["mediaType"],
            digests(blobs),
            digests(content.get("manifests") or ()),
            None if subject is None else parse_digest(subject["digest"]),
            descriptor,
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise OCIError(400, "MANIFEST_INVALID", f"not a manifest: {error!r}") from error
