"""A registry's storage: the tree of a distribution registry, on disk or in a bucket (extra: `storage`)."""

from layercache.storage.source import StorageSource
from layercache.storage.unused import Unused

__all__ = ["StorageSource", "Unused"]
