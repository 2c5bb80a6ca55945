"""A registry's tree, written by hand, on disk or in a bucket."""

import hashlib
from typing import TYPE_CHECKING

import obstore
import obstore.store

from layercache.names import Digest, parse_digest
from layercache.storage import StorageSource
from layercache.storage.layout import data_path, layer_link_path, revision_link_path, tag_link_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from obstore.store import ObjectStore


def digest_of(content: bytes, algorithm: str = "sha256") -> Digest:
    """The digest of *content*."""
    return parse_digest(f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}")


ABSENT = digest_of(b"absent")


class Tree:
    """The tree below a URL of obstore's, written as a Go registry would."""

    def __init__(self, url: str, **options: object) -> None:
        self.url = url
        self.options = options
        open_store: Callable[..., ObjectStore] = obstore.store.from_url
        self._store = open_store(url, **options)

    def source(self) -> StorageSource:
        """What is under test, over this tree."""
        return StorageSource(self.url, **self.options)

    def write(self, path: str, content: bytes) -> None:
        """Have a file at *path*."""
        obstore.put(self._store, path, content)

    def delete(self, path: str) -> None:
        """Have no file at *path*."""
        obstore.delete(self._store, path)

    def has(self, path: str) -> bool:
        """Whether there is a file at *path*."""
        try:
            obstore.head(self._store, path)
        except FileNotFoundError:
            return False
        return True

    def blob(self, content: bytes) -> Digest:
        """Have a blob that no repository links."""
        dgst = digest_of(content)
        self.write(data_path(dgst), content)
        return dgst

    def layer(self, repo: str, content: bytes) -> Digest:
        """Have a blob that *repo* links."""
        dgst = self.blob(content)
        self.write(layer_link_path(repo, dgst), dgst.encode())
        return dgst

    def own_layer(self, repo: str, size: int = 10) -> tuple[Digest, bytes]:
        """Have a blob that *repo* links and no other repository could."""
        content = (repo.encode() * size)[:size]
        return self.layer(repo, content), content

    def manifest(self, repo: str, tag: str, content: bytes) -> Digest:
        """Have a manifest in *repo* that *tag* stands for."""
        dgst = self.blob(content)
        self.write(revision_link_path(repo, dgst), dgst.encode())
        self.write(tag_link_path(repo, tag), dgst.encode())
        return dgst
