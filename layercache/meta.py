"""What is remembered of a layer: where it lies and how long it is."""

from typing import NamedTuple

DEFAULT_MEDIA_TYPE = "application/octet-stream"
TREE = "/docker/registry/v2"  # where a distribution registry keeps all that it has


class LayerMeta(NamedTuple):
    """Where a layer lies in the storage, and how long it is.

    A tuple and not a frozen dataclass, because one is built for every answer:
    on CPython 3.11 it takes half the time of the dataclass (0.44 us to 0.87),
    a tenth of what a whole `RedisCache.meta` costs.

    Attributes:
        path: The path within the storage driver's root, as the Go registry
            writes it: `/docker/registry/v2/blobs/sha256/ab/ab…/data`.
        length: Bytes, 0 <= length < 2**63.
        media_type: The type that the blob was pushed or stored with.
    """

    path: str
    length: int
    media_type: str = DEFAULT_MEDIA_TYPE


def blob_path(dgst: str) -> str:
    """Where the blob *dgst*, a digest, lies in the tree of a distribution registry.

    Source: distribution, registry/storage/paths.go, `blobDataPathSpec`.
    """
    algorithm, _, encoded = dgst.partition(":")
    return f"{TREE}/blobs/{algorithm}/{encoded[:2]}/{encoded}/data"
