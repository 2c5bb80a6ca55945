"""A cache held against a source: what is stale, corrupt, left over or missing."""

from layercache.reconcile.reconciler import Reconciler
from layercache.reconcile.report import Difference, Kind, Report

__all__ = ["Difference", "Kind", "Reconciler", "Report"]
