"""Which layers are evicted, and what the choice may cost."""

from layercache.backends.memory.eviction import MOST_HITS, MOST_STEPS, Eviction
from layercache.backends.memory.table import Table
from tests.memory.inside import digest, table_of, usual_meta


def fill(table: Table, numbers: range) -> None:
    """Put a layer for each of *numbers*, each in another repository."""
    for number in numbers:
        table.put(f"app-{number}", digest(number), usual_meta(digest(number)))


def known(table: Table, numbers: range) -> list[int]:
    """Which of *numbers* the table still has; this counts as no use of them."""
    return [number for number in numbers if digest(number) in table.layers()]


def test_full_table_takes_what_is_new() -> None:
    """A full table makes room for what is put last."""
    table = table_of(10)
    fill(table, range(50))
    assert len(table) == 10
    assert known(table, range(49, 50)) == [49]


def test_used_layers_outlive_a_sweep() -> None:
    """Layers that were asked for stay while ten times as many are put once."""
    table = table_of(100)
    fill(table, range(100))
    for number in range(50):
        assert table.stat(f"app-{number}", digest(number))
    fill(table, range(1000, 2000))
    assert known(table, range(50)) == list(range(50))


def test_writing_is_no_use() -> None:
    """Putting a layer again does not keep it."""
    table = table_of(100)
    fill(table, range(50))
    fill(table, range(50))
    fill(table, range(1000, 2000))
    assert known(table, range(50)) == []


def test_one_hit_is_worth_one_round() -> None:
    """A layer that is no longer asked for is evicted, however often it once was."""
    table = table_of(100)
    fill(table, range(100))
    for number in range(100):
        for _ in range(3 * MOST_HITS):
            table.contains(f"app-{number}", digest(number))
    fill(table, range(1000, 1020))
    for number in range(1000, 1000 + 100 * 20 * MOST_HITS):
        fill(table, range(number, number + 1))
        table.contains(f"app-{number}", digest(number))
    assert known(table, range(100)) == []


def test_a_ghost_entry_stays_longer() -> None:
    """A layer that is put again soon after its eviction outlives those that are put for the first time."""
    table = table_of(100)
    fill(table, range(101))
    assert known(table, range(1)) == []
    fill(table, range(1))
    fill(table, range(1000, 1300))
    assert known(table, range(1)) == [0]


def test_choice_is_bounded() -> None:
    """Even if every entry was asked for, a choice looks at a bounded number of them."""
    eviction = Eviction(10_000)
    entries = [eviction.enter(digest(number)) for number in range(10_000)]
    for entry in entries:
        eviction.hits[entry] = MOST_HITS
    eviction.choose()
    assert sum(eviction.hits[entry] != MOST_HITS for entry in entries) <= MOST_STEPS


def test_each_hit_is_worth_a_round() -> None:
    """In the main queue, what was asked for twice outlives what was asked for once."""
    eviction = Eviction(40)
    twice, once, never, *_ = [eviction.enter(digest(number)) for number in range(5)]
    eviction.hits[twice] = eviction.hits[once] = 1
    assert eviction.choose() == digest(2)
    eviction.leave(never)
    eviction.hits[twice], eviction.hits[once] = 2, 1
    assert eviction.choose() == digest(1)


def test_choice_changes_nothing_else() -> None:
    """A choice frees nothing: the caller does that."""
    eviction = Eviction(10)
    entry = eviction.enter(digest(1))
    assert eviction.choose() == digest(1)
    assert len(eviction) == 1
    eviction.leave(entry)
    assert len(eviction) == 0
