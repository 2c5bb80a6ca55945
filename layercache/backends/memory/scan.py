"""The walk of a memory cache, a few layers at a time, between which it may change."""

from collections.abc import Iterator

from layercache.backend import Batch
from layercache.backends.memory.table import Table
from layercache.meta import LayerMeta

BATCH = 1_000  # layers


def scan(table: Table) -> Iterator[Batch]:
    """What *table* knows; that it was told counts as no use of it."""
    dgsts = table.layers()
    for start in range(0, len(dgsts), BATCH):
        members: list[tuple[str, str]] = []
        metas: list[tuple[str, LayerMeta]] = []
        for dgst in dgsts[start : start + BATCH]:
            repos, meta = table.known(dgst)
            members += [(repo, dgst) for repo in repos]
            if meta is not None:
                metas.append((dgst, meta))
        yield Batch(members, metas)
