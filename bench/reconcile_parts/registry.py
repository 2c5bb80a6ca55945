"""A registry to walk: a tree on disk and a Redis, nearly in agreement."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from layercache import LayerMeta, background
from layercache.backends.redis.commands import store_member, store_meta, store_scoped
from layercache.backends.redis.transport.handshake import Handshake
from layercache.backends.redis.transport.link import Link
from layercache.meta import blob_path
from layercache.storage.layout import layer_link_path

ODD_ONE = 1_000  # of so many layers one is in the cache alone, and one in the tree alone
REPOSITORIES = 1_000
BURST = 1_000  # layers


def layer(number: int) -> tuple[str, str, int]:
    """The repository, the digest and the length of a layer."""
    dgst = "sha256:" + hashlib.sha256(str(number).encode()).hexdigest()
    repo = number // 7 % REPOSITORIES
    return f"team-{repo % 30}/app-{repo}", dgst, number % 50


def is_listed(number: int) -> bool:
    """Whether it is in the tree."""
    return number % ODD_ONE != 1


def is_known(number: int) -> bool:
    """Whether it is in the cache."""
    return number % ODD_ONE != 2


def write_tree(root: Path, numbers: range) -> None:
    """Write the layers of *numbers* as a registry would: a folder and a file for each blob and each link."""
    for number in filter(is_listed, numbers):
        repo, dgst, length = layer(number)
        _write(root, blob_path(dgst), b"x" * length)
        _write(root, layer_link_path(repo, dgst), dgst.encode())


def _write(root: Path, path: str, content: bytes) -> None:
    folder, _, name = f"{root}{path}".rpartition("/")
    os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - a Path costs as much as the file
    with open(f"{folder}/{name}", "wb") as file:  # noqa: PTH123 - the same
        file.write(content)


async def fill(url: str, layers: int) -> None:
    """Have a Redis know the layers."""
    link = Link(Handshake.from_url(url))
    wire = await background().run(link.ready())
    for start in range(0, layers, BURST):
        texts = list(_texts(range(start, min(start + BURST, layers))))
        await wire.call("".join(texts), len(texts))
    await link.aclose()


def _texts(numbers: range) -> Iterator[str]:
    for number in filter(is_known, numbers):
        repo, dgst, length = layer(number)
        yield store_scoped(repo, dgst, "").text
        yield store_meta(dgst, LayerMeta(blob_path(dgst), length)).text
        yield store_member(repo, dgst).text
