"""The walk of a memory cache, a few layers at a time, between which it may change."""

from collections.abc import Iterator, Sequence

from layercache.backend import Batch
from layercache.backends.memory.table import Table
from layercache.meta import LayerMeta

BATCH = 1_000  # layers


def scan(table: Table) -> Iterator[Batch]:
    """What *table* knows; that it was told counts as no use of it."""
    for dgsts in _pages(table):
        members: list[tuple[str, str]] = []
        metas: list[tuple[str, LayerMeta]] = []
        for dgst in dgsts:
            repos, meta = table.known(dgst)
            members += [(repo, dgst) for repo in repos]
            if meta is not None:
                metas.append((dgst, meta))
        yield Batch(members, metas)


def members_of(table: Table, repo: str) -> Iterator[Sequence[str]]:
    """The digests that *repo* is known to have; a page may be empty."""
    for dgsts in _pages(table):
        yield [dgst for dgst in dgsts if repo in table.known(dgst)[0]]


def _pages(table: Table) -> Iterator[Sequence[str]]:
    dgsts = table.layers()
    for start in range(0, len(dgsts), BATCH):
        yield dgsts[start : start + BATCH]
