"""A registry's storage: the tree of a distribution registry, on disk or in a bucket (extra: `storage`)."""

from layercache.reconcile.reconciler import Reconciler
from layercache.reconcile.report import Difference, Kind, Report
from layercache.storage.source import StorageSource
from layercache.storage.unused import Unused

__all__ = ["Difference", "Kind", "Reconciler", "Report", "StorageSource", "Unused"]
