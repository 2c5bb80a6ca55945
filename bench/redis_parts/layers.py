"""The layers that everybody is asked for."""

import hashlib
from typing import NamedTuple

LAYERS = 10_000
REPOSITORIES = 200


class Layer(NamedTuple):
    """A layer, as the shared Redis has it."""

    repo: str
    dgst: str
    path: str
    length: int


def layers() -> list[Layer]:
    """The same ones in every process."""
    return [_layer(number) for number in range(LAYERS)]


def _layer(number: int) -> Layer:
    encoded = hashlib.sha256(f"layer-{number}".encode()).hexdigest()
    path = f"/docker/registry/v2/blobs/sha256/{encoded[:2]}/{encoded}/data"
    return Layer(f"library/app-{number % REPOSITORIES:03d}", f"sha256:{encoded}", path, 1_000_000 + number)


def member_key(repo: str) -> str:
    """The set of a repository's digests."""
    return f"repository::{repo}::blobs"


def meta_key(dgst: str) -> str:
    """The hash of a digest."""
    return f"blobs::{dgst}"
