"""The table compared with two dictionaries, with room for all and with room for few."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from layercache.backends.memory.table import Table
from layercache.meta import LayerMeta, blob_path
from tests.memory.inside import check, digest, table_of

REPOS = st.sampled_from(["library/one", "two", "three", "Four!"])
DGSTS = st.sampled_from([digest(1), digest(2), "sha512:" + "c" * 128, "other+b64:x=", "no-colon"])
LENGTHS = st.sampled_from([0, 1, 2**32 - 1, 2**32, 2**63 - 1])
MEDIA_TYPES = st.sampled_from(["application/octet-stream", "x/y", ""])
PATHS = st.sampled_from([None, "/elsewhere", blob_path(digest(1))])


class BesideDictionaries(RuleBasedStateMachine):
    """Does each step to a table and to dictionaries."""

    table: Table
    max_entries: int

    def __init__(self) -> None:
        super().__init__()
        self.members: set[tuple[str, str]] = set()
        self.metas: dict[str, LayerMeta] = {}

    @rule(repo=REPOS, dgst=DGSTS)
    def add(self, repo: str, dgst: str) -> None:
        self.table.add(repo, dgst)
        self.members.add((repo, dgst))
        assert self.table.contains(repo, dgst)

    @rule(dgst=DGSTS, path=PATHS, length=LENGTHS, media_type=MEDIA_TYPES)
    def set_meta(self, dgst: str, path: str | None, length: int, media_type: str) -> None:
        self.metas[dgst] = LayerMeta(path or blob_path(dgst), length, media_type)
        self.table.set_meta(dgst, self.metas[dgst])
        assert self.table.meta(dgst) == self.metas[dgst]

    @rule(repo=REPOS, dgst=DGSTS, length=LENGTHS)
    def put(self, repo: str, dgst: str, length: int) -> None:
        self.metas[dgst] = LayerMeta(blob_path(dgst), length)
        self.members.add((repo, dgst))
        self.table.put(repo, dgst, self.metas[dgst])
        assert self.table.stat(repo, dgst) == self.metas[dgst]

    @rule(repo=REPOS, dgst=DGSTS)
    def remove(self, repo: str, dgst: str) -> None:
        self.table.remove(repo, dgst)
        self.members.discard((repo, dgst))
        assert not self.table.contains(repo, dgst)

    @rule(dgst=DGSTS)
    def forget(self, dgst: str) -> None:
        self.table.forget(dgst)
        self.metas.pop(dgst, None)
        assert self.table.meta(dgst) is None

    @rule(repo=REPOS, dgst=DGSTS)
    def ask(self, repo: str, dgst: str) -> None:
        contains, stat, meta = (
            self.table.contains(repo, dgst),
            self.table.stat(repo, dgst),
            self.table.meta(dgst),
        )
        assert not contains or (repo, dgst) in self.members
        assert meta is None or meta == self.metas[dgst]
        assert stat == (meta if contains else None)

    @invariant()
    def is_whole(self) -> None:
        check(self.table, self.max_entries)


class Roomy(BesideDictionaries):
    """A table with room for all: it knows exactly what the dictionaries know."""

    def __init__(self) -> None:
        super().__init__()
        self.max_entries = 1000
        self.table = table_of(self.max_entries)

    @rule(repo=REPOS, dgst=DGSTS)
    def know_all(self, repo: str, dgst: str) -> None:
        assert self.table.contains(repo, dgst) == ((repo, dgst) in self.members)
        assert self.table.meta(dgst) == self.metas.get(dgst)


class Tight(BesideDictionaries):
    """A table with room for few: it may know less, but nothing else."""

    @initialize(max_entries=st.integers(1, 8))
    def begin(self, max_entries: int) -> None:
        self.max_entries = max_entries
        self.table = table_of(max_entries)


TestRoomy = Roomy.TestCase
TestTight = Tight.TestCase
TestRoomy.settings = TestTight.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
