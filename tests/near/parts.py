"""The parts that keep entries near, without a server; and what must hold inside of them."""

import math

from layercache import Digest, LayerMeta, RedisCache, parse_digest
from layercache.backends.redis.near.admission import Admission
from layercache.backends.redis.near.table import NO, NearTable
from layercache.testing import ManualClock
from tests.memory import inside
from tests.memory.inside import usual_meta

FOREVER = 1e9  # seconds


def digest(number: int) -> Digest:
    """A digest of its own for each number."""
    return parse_digest(inside.digest(number))


class NearParts:
    """A near table that is trusted, its admission buffer, and their clock."""

    def __init__(self, max_entries: int = 100, max_age: float = FOREVER) -> None:
        self.clock = ManualClock()
        self.table = NearTable(max_entries, max_age, self.clock)
        self.table.trusted_until = math.inf
        self.admission = Admission(self.table, max_entries)

    def __len__(self) -> int:
        return len(self.table) + len(self.admission)

    def take(self, repo: str, number: int, *, is_member: bool = True) -> None:
        """Take an answer of Redis about a layer, now."""
        dgst = digest(number)
        self.admission.take(self.table.ask(repo), repo, dgst, is_member, usual_meta(dgst))

    def contains(self, repo: str, dgst: str) -> bool:
        """Whether it is near that *repo* has *dgst*."""
        return self.table.contains(repo, dgst) or self.admission.contains(repo, dgst)

    def meta(self, dgst: str) -> LayerMeta | None:
        """The meta of *dgst*, if it is near."""
        return self.table.meta(dgst) or self.admission.meta(dgst)

    def stat(self, repo: str, dgst: str) -> LayerMeta | None:
        """The meta of *dgst*, if it is near, and that *repo* has it, too."""
        return self.table.stat(repo, dgst) or self.admission.stat(repo, dgst)


def table_of(cache: RedisCache) -> NearTable:
    """The near table of *cache*."""
    table = cache.backend.peek
    assert isinstance(table, NearTable)
    return table


# ---- inside: that nothing grows, and that all parts agree, no public name shows


def count_repositories(table: NearTable) -> int:
    """How many repositories *table* keeps a dictionary for, be it empty or not."""
    return len(table._members)


def check_bounds(table: NearTable, max_entries: int) -> None:
    """Fail unless each part of *table* is within its bounds."""
    assert len(table) <= max_entries
    assert len(table._built) <= max_entries
    assert len(table._meta_moments) == len(table._hits)
    assert len(table._idle) <= max_entries


def check(table: NearTable, max_entries: int) -> None:
    """Fail unless *table* is within its bounds, and all of its parts agree."""
    inside.check(table, max_entries)
    check_bounds(table, max_entries)
    assert table._members.keys() == table._births.keys()
    assert table._idle.keys() == {repo for repo, members in table._members.items() if not members}
    for repo, members in table._members.items():
        for dgst, number in members.items():
            assert type(dgst) is str
            entry = table._find(repo, dgst)
            assert entry is not None
            assert number != NO
            assert number == (entry if entry == table._entries[dgst] else ~entry)
