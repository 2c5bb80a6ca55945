"""Base layers: one layer in very many repositories."""

from tests.memory.inside import check, digest, table_of, usual_meta

BASE = digest(1)


def test_every_repository_counts() -> None:
    """A layer takes one entry with its first repository, and one more with each further one."""
    table = table_of(100)
    for number in range(10):
        table.put(f"app-{number}", BASE, usual_meta(BASE))
    assert len(table) == 10
    assert all(table.contains(f"app-{number}", BASE) for number in range(10))


def test_very_many_repositories_are_bounded() -> None:
    """A base layer in more repositories than there are entries stays within the bound."""
    table = table_of(1000)
    for number in range(20_000):
        table.put(f"app-{number}", BASE, usual_meta(BASE))
        assert table.contains(f"app-{number}", BASE)
    check(table, 1000)


def test_base_layer_outlives_its_idle_repositories() -> None:
    """A base layer that is used stays, and so do the repositories that use it."""
    table = table_of(1000)
    table.put("busy", BASE, usual_meta(BASE))
    table.put("also-busy", BASE, usual_meta(BASE))
    for number in range(5000):
        table.put(f"app-{number}", BASE, usual_meta(BASE))
        assert table.stat("busy", BASE)
        assert table.stat("also-busy", BASE)
    assert not table.contains("app-0", BASE)


def test_removal_from_one_leaves_the_others() -> None:
    """A removal from one repository, even the first that had the layer, leaves it in the others."""
    table = table_of(100)
    for repo in ("first", "second", "third"):
        table.put(repo, BASE, usual_meta(BASE))
    table.remove("first", BASE)
    assert [table.contains(repo, BASE) for repo in ("first", "second", "third")] == [False, True, True]
    table.add("first", BASE)
    assert table.stat("first", BASE) == usual_meta(BASE)


def test_last_removal_frees_all() -> None:
    """A layer of which nothing is known takes no entry."""
    table = table_of(100)
    for repo in ("first", "second"):
        table.put(repo, BASE, usual_meta(BASE))
    table.forget(BASE)
    table.remove("second", BASE)
    table.remove("first", BASE)
    assert len(table) == 0
    check(table, 100)


def test_freed_entries_carry_nothing_over() -> None:
    """An entry that is used again knows nothing of the layer that had it before."""
    table = table_of(2)
    table.put("first", BASE, usual_meta(BASE, 5))
    assert table.stat("first", BASE)
    table.remove("first", BASE)
    table.forget(BASE)
    table.add("second", digest(2))
    assert table.meta(digest(2)) is None
    assert not table.contains("first", digest(2))
