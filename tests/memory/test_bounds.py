"""Nothing grows without bound, and a layer takes little memory."""

import gc
import tracemalloc
from array import array
from collections.abc import Iterator

import pytest

from layercache import Digest, InvalidArgumentError, LayerMeta, MemoryCache, Repository
from layercache.backends.memory import metas
from tests.memory.inside import built_metas, check, digest, held_names, media_types, table_of, usual_meta

CONTAINERS = (list, dict, array, bytearray)


def sizes(part: object) -> Iterator[tuple[str, int]]:
    """The length of every container that *part* of a cache holds, by its name."""
    for name, value in vars(part).items():
        if isinstance(value, CONTAINERS):
            yield f"{type(part).__name__}.{name}", len(value)
        elif type(value).__module__.startswith("layercache.backends.memory"):
            yield from sizes(value)


def test_nothing_grows_with_what_was_evicted() -> None:
    """After 200,000 layers, some with unusual metas, a table for 1,000 is no larger."""
    table = table_of(1000)
    for number in range(200_000):
        dgst = digest(number)
        meta = usual_meta(dgst) if number % 3 else LayerMeta("/odd", number, f"type/{number}")
        table.put(f"app-{number}", dgst, meta)
        table.stat(f"app-{number}", dgst)
    check(table, 1000)
    assert {name: size for name, size in sizes(table) if size > 1000 + 1000 // 64 + 130} == {}


def test_metas_that_were_built_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many layers are asked for, the number of metas that are kept as objects is bounded."""
    monkeypatch.setattr(metas, "MOST_BUILT", 10)
    table = table_of(1000)
    for number in range(100):
        table.put("app", digest(number), usual_meta(digest(number), number))
    for number in range(100):
        assert table.meta(digest(number)) == usual_meta(digest(number), number)
        assert built_metas(table) <= 10


def test_media_types_are_bounded() -> None:
    """A media type beyond the bound is kept with its layer, and returned as it was given."""
    table = table_of(1000)
    given = {digest(n): usual_meta(digest(n))._replace(media_type=f"type/{n}") for n in range(300)}
    for dgst, meta in given.items():
        table.set_meta(dgst, meta)
    assert {dgst: table.meta(dgst) for dgst in given} == given
    assert media_types(table) < 256


def test_layer_is_small() -> None:
    """A layer with its meta and its repository takes fewer than 260 bytes, its digest included."""
    table = table_of(30_000)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(20_000):
        dgst = digest(number)
        table.put(f"app-{number // 100}", dgst, usual_meta(dgst))
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (after - before) / 20_000 < 260


def test_names_are_held_as_plain_strings() -> None:
    """A digest and a repository are held as plain strings, which are smaller and found faster."""
    table = table_of(10)
    dgst = Digest(digest(1))
    table.put(Repository("first"), dgst, usual_meta(dgst))
    table.put(Repository("second"), dgst, usual_meta(dgst))
    assert {type(name) for name in held_names(table)} == {str}


def test_collector_has_nothing_to_visit() -> None:
    """A layer adds no object that Python's garbage collector has to visit."""
    table = table_of(30_000)
    gc.collect()
    before = len(gc.get_objects())
    for number in range(10_000):
        dgst = digest(number)
        table.put(f"app-{number // 100}", dgst, usual_meta(dgst))
    gc.collect()
    assert len(gc.get_objects()) - before < 100


@pytest.mark.parametrize("max_entries", [0, -1, 2**31 + 1, 10.5, "10"])
def test_entries_are_in_range(max_entries: int) -> None:
    """`max_entries` is a whole number from 1 to 2**31."""
    with pytest.raises(InvalidArgumentError):
        MemoryCache(max_entries)


def test_repr() -> None:
    """`repr` shows how full the cache is."""
    assert repr(MemoryCache(10)) == "<MemoryCache 0 of 10 entries, 0 leases>"
