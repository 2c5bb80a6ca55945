"""What OCI and HTTP ask of any registry, whatever its framework: conditions, ranges, manifests."""

import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypedDict
from urllib.parse import urlsplit

from layercache import Digest, parse_digest
from layercache.oci import OCIError
from registry.fields import Fields, Part, items, parse, part, text, text_map

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
TYPES = {OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_INDEX}  # that the Go registry reads
MAX_MANIFEST_SIZE = 4 * 1024 * 1024
MAX_TYPES = 10_000


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
    """The type of a manifest that lies in a tree, whoever wrote it.

    Raises:
        ValueError: It is no JSON object.
        RecursionError: It is nested too deeply.
    """
    # Of what others pushed, every byte sequence and every number that Go passes over is passed over here.
    content = json.loads(manifest.decode(errors="replace"), parse_int=float)
    if not isinstance(content, dict):
        raise ValueError("a manifest is a JSON object")  # noqa: TRY004 - one error, whatever it is instead
    return type_of(content)


def type_of(content: Fields) -> str:
    """The type of a manifest: what it says itself, or else what it must be.

    Whoever pushes chooses what it says, so no type is repeated that a browser
    might take for a page, or that is longer than RFC 6838 has them.
    """
    said = content.get("mediaType")
    if isinstance(said, str) and re.fullmatch(r"application/[\w.+-]{1,127}", said, re.ASCII):
        return said
    return OCI_MANIFEST if content.get("manifests") is None else OCI_INDEX


class MediaTypes:
    """The types of the manifests that were read last, by digest.

    A digest stands for one content, so what it was once it always is; and to
    read four megabytes for one header would cost a tenth of a second.
    """

    def __init__(self) -> None:
        self._types: dict[str, str] = {}

    def get(self, dgst: str) -> str | None:
        """The type of the manifest *dgst*; None if it is not known here."""
        return self._types.get(dgst)

    def note(self, dgst: str, media_type: str) -> None:
        """Keep the type of the manifest *dgst*, and forget the oldest of too many."""
        self._types[dgst] = media_type
        if len(self._types) > MAX_TYPES:
            del self._types[next(iter(self._types))]


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


def digests(parts: Iterable[Part]) -> tuple[Digest, ...]:
    """The digests of *parts*, each once."""
    return tuple(dict.fromkeys(parse_digest(part.digest) for part in parts))


def lies_elsewhere(layer: Part) -> bool:
    """Whether *layer* says where else it is to be had, so that the registry need not have it."""
    places = [urlsplit(url) for url in layer.urls]
    return bool(places) and all(place.scheme in {"http", "https"} and place.netloc for place in places)


@contextmanager
def refusing() -> Iterator[None]:
    """Have what is no manifest be told as the specification has it."""
    try:
        yield
    except (ValueError, RecursionError) as error:
        raise OCIError(400, "MANIFEST_INVALID", f"not a manifest: {error!r:.300}") from error


def read_manifest(dgst: Digest, manifest: bytes) -> Contents:
    """What is in the manifest *dgst*.

    Raises:
        OCIError: It is none.
    """
    with refusing():
        return contents(dgst, manifest, parse(manifest))


def read_pushed_manifest(dgst: Digest, manifest: bytes, content_type: str) -> Contents:
    """What is in a manifest that comes as *content_type*, and that any registry over the tree is to serve.

    Raises:
        OCIError: It is none, or of a kind that the Go registry does not read.
    """
    with refusing():
        content = parse(manifest)
        version, said = content.get("schemaVersion"), text(content.get("mediaType"))
        if type(version) is not int or version != 2:
            raise ValueError(f"schemaVersion is to be 2, not {version!r:.100}")
        if said and said not in TYPES:
            raise ValueError(f"mediaType is to be one of {sorted(TYPES)}, not {said!r:.100}")
        sent_as = content_type.partition(";")[0].strip().lower()
        if sent_as in TYPES and sent_as != type_of(content):
            raise ValueError(f"it came as {sent_as}, and is {type_of(content)}")
        return contents(dgst, manifest, content)


def contents(dgst: Digest, manifest: bytes, content: Fields) -> Contents:
    """What is in the manifest *dgst*, whose fields are *content*."""
    config = part(content.get("config"))
    layers = [part(layer) for layer in items(content.get("layers"))]
    listed = [part(manifest) for manifest in items(content.get("manifests"))]
    blobs = [layer for layer in layers if not lies_elsewhere(layer)]
    subject = content.get("subject")
    descriptor: Descriptor = {"mediaType": type_of(content), "digest": dgst, "size": len(manifest)}
    if artifact_type := text(content.get("artifactType")) or config.media_type:
        descriptor["artifactType"] = artifact_type
    if annotations := text_map(content.get("annotations")):
        descriptor["annotations"] = annotations
    return Contents(
        descriptor["mediaType"],
        digests([config, *blobs] if content.get("config") else blobs),
        digests(listed),
        None if subject is None else parse_digest(part(subject).digest),
        descriptor,
    )
