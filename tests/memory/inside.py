"""What must hold inside a table after every step, and layers to fill it with.

The invariant of a table, and what bounds it, are not public. These helpers read them,
so that the tests need not.
"""

from collections.abc import Iterator

from layercache.backends.memory.eviction import FIRST, MAIN, SMALL, Eviction
from layercache.backends.memory.table import Table
from layercache.meta import LayerMeta, blob_path


def digest(number: int) -> str:
    """A digest for each number."""
    return f"sha256:{number:064x}"


def usual_meta(dgst: str, length: int = 1) -> LayerMeta:
    """The meta of a layer whose path is that of the distribution tree."""
    return LayerMeta(blob_path(dgst), length)


def table_of(max_entries: int) -> Table:
    """An empty table without a time to live."""
    return Table(max_entries, None, float)


def check(table: Table, max_entries: int) -> None:
    """Fail unless *table* is within its bounds, and all of its parts agree."""
    assert len(table) <= max_entries
    queued = [*ring(table._eviction, SMALL), *ring(table._eviction, MAIN)]
    assert len(queued) == len(set(queued)) == len(table)
    assert table._eviction._small_size == len(list(ring(table._eviction, SMALL)))
    named = set()
    for dgst, layer in table._entries.items():
        assert table._eviction._subjects[layer] == dgst
        assert table._repositories_of[layer] is not None or table._metas.has(layer)
        named |= {layer, *furthers(table, dgst, layer)}
    assert named == set(queued)
    for entry in set(range(FIRST, len(table._repositories_of))) - set(table._entries.values()):
        assert table._repositories_of[entry] is None
        assert not table._metas.has(entry)
        assert entry not in table._metas.built
        assert entry not in table._metas._odd
    assert len(table._names) <= max_entries


def furthers(table: Table, dgst: str, layer: int) -> Iterator[int]:
    """The entries of the further repositories of *dgst*."""
    repositories = table._repositories_of[layer]
    if isinstance(repositories, dict):
        assert repositories, "a layer without a repository has None"
        for repo, entry in repositories.items():
            if entry != layer:
                assert table._eviction._subjects[entry] == (dgst, repo)
                yield entry


def ring(eviction: Eviction, head: int) -> Iterator[int]:
    """The entries of one queue, the next to be evicted first."""
    entry = eviction._next[head]
    while entry != head:
        assert eviction._previous[eviction._next[entry]] == entry
        assert eviction._is_small[entry] == (head == SMALL)
        yield entry
        entry = eviction._next[entry]


def built_metas(table: Table) -> int:
    """How many metas *table* keeps as objects."""
    return len(table._metas.built)


def media_types(table: Table) -> int:
    """How many media types *table* has numbered."""
    return len(table._metas._media_types)


def held_names(table: Table) -> list[str]:
    """Every digest and every repository that *table* holds."""
    names = [*table._entries, *table._names, *table._names.values()]
    return names + [repo for dgst in table._entries for repo in table.known(dgst)[0]]
