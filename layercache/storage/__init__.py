"""A registry's storage: the tree of a distribution registry, on disk or in a bucket (extra: `storage`)."""

from layercache.storage.source import StorageSource

__all__ = ["StorageSource"]
