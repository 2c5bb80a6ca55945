"""The layers that the contenders are given: as digests, paths and lengths of a real registry look."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

BASE_LAYERS = 20
LAYERS_PER_REPOSITORY = 100


class Layer(NamedTuple):
    """One layer, and the repository that pushed it."""

    repo: str
    dgst: str
    path: str
    length: int


def layers(count: int) -> Iterator[Layer]:
    """*count* different layers, a hundred to a repository; every string is a new one."""
    for number in range(count):
        encoded = hashlib.sha256(b"layer-%d" % number).hexdigest()
        yield Layer(
            f"team-{number // LAYERS_PER_REPOSITORY % 100}/app-{number // LAYERS_PER_REPOSITORY}",
            f"sha256:{encoded}",
            f"/docker/registry/v2/blobs/sha256/{encoded[:2]}/{encoded}/data",
            1_000_000 + number,
        )


def shared(count: int) -> Iterator[Layer]:
    """The first few of *count* layers once more for every tenth repository, as base layers are."""
    bases = list(layers(min(count, BASE_LAYERS)))
    for layer in layers(count):
        is_first = layer.length % LAYERS_PER_REPOSITORY == 0
        if is_first and layer.length // LAYERS_PER_REPOSITORY % 10 == 0:
            yield from (base._replace(repo=layer.repo) for base in bases if base.repo != layer.repo)
