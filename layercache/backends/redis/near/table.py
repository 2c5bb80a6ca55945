"""NearTable: a table of copies, kept true by who hears of each change of the originals.

The originals lie far away and change by the key: a repository, which is all its
memberships at once, or the meta of one digest. To be told of a change is all
that there is to do, in one step however much it voids:

- The memberships that are true lie in a dictionary for each repository, beside
  the table, and a change drops the dictionary. What the table itself still has
  of them is no answer any more, only the place for the next one.
- A meta is forgotten. A change of everything is a new *moment*, and a meta from
  before that moment is none.

What is to be kept was asked for a while ago, and may have changed meanwhile:

    1  a ticket is taken, then the question is sent
    2  the change is heard of
    3  the answer comes: what the ticket was for is void, and is not kept

A ticket is the dictionary of that time and the moment of that time. Changes of
metas are noted by cells, so one that shares its cell can void a ticket needlessly,
which costs a miss. Answers may wait for minutes before they are kept (`tiered/near.py`);
so there are two cells for each entry that there is room for, and a thousand
changes void one in two hundred of those that wait in a table of 100,000.

A dictionary that is dropped is emptied too: a ticket may hold it for long.

A repository that somebody asks about has a dictionary before anything is known of
it. As long as nothing is, it is *idle*; only idle ones have to go for new ones, so
that questions about strangers' repositories void nothing that is in use.

A hit is two steps in dictionaries, so it is no dearer than one of the table's.
"""

from array import array
from collections import OrderedDict, deque
from collections.abc import Iterable

from layercache.backends.memory.eviction import FIRST, MOST_HITS, Subject
from layercache.backends.memory.expiry import JITTER, Clock
from layercache.backends.memory.table import Table
from layercache.meta import LayerMeta

LEAST_CELLS = 4096  # of changes of metas
CELLS_PER_ENTRY = 2

Members = dict[str, int]  # From digests to layers, to NO, or to ~entry of a further repository.
Ticket = tuple[Members | None, int]  # The members then, if any were asked for, and the moment then.

NO = 0  # No layer has this number, see FIRST.
ABSENT = LayerMeta("", 0)  # No meta has an empty path.


class NearTable(Table):
    """Memberships and metas that are answers only until their key changes."""

    def __init__(self, max_entries: int, max_age: float | None, clock: Clock) -> None:
        """Keep at most *max_entries*, for at most *max_age* seconds on *clock*."""
        super().__init__(max_entries, None, clock)
        self._max_age = max_age
        self._clock = clock
        self._members: dict[str, Members] = {}
        self._births: OrderedDict[str, int] = OrderedDict()  # The moment at which each began to be known.
        self._moment = 0
        self._floor = 0  # What is older is void.
        self._marks: deque[tuple[float, int]] = deque()  # When some moments were.
        self._idle: OrderedDict[str, None] = OrderedDict()  # Of which nothing is known.
        self._cells = max(LEAST_CELLS, CELLS_PER_ENTRY * max_entries)
        self._changes = array("Q", [0]) * self._cells
        self._meta_moments = array("Q", [0]) * FIRST

    # ---- asking

    def contains(self, repo: str, dgst: str) -> bool:
        """Whether *repo* is known to have *dgst*."""
        try:
            layer = self._members[repo].get(dgst, NO)
        except (KeyError, TypeError):
            return False
        if layer > NO:
            if self._hits[layer] < MOST_HITS:
                self._hits[layer] += 1
        elif layer == NO:
            return False
        else:
            self._find_shared(dgst, ~layer)
        return True

    def stat(self, repo: str, dgst: str) -> LayerMeta | None:
        """Where *dgst* lies, if that is known and *repo* is known to have it."""
        # In the words of `contains`, not by a call of a third method: that is 45 ns of some 650.
        try:
            layer = self._members[repo].get(dgst, NO)
        except (KeyError, TypeError):
            return None
        if layer > NO:
            if self._hits[layer] < MOST_HITS:
                self._hits[layer] += 1
        elif layer == NO:
            return None
        else:
            layer = self._find_shared(dgst, ~layer)
        return self._built.get(layer) or self._build(layer, dgst)

    def meta(self, dgst: str) -> LayerMeta | None:
        """Where *dgst* lies, if that is known."""
        layer = self._entries.get(dgst)
        if layer is None:
            return None
        if self._hits[layer] < MOST_HITS:
            self._hits[layer] += 1
        return self._built.get(layer) or self._build(layer, dgst)

    def lacks(self, repo: str, dgst: str) -> bool:
        """Whether *repo* is known not to have *dgst*."""
        members = self._members.get(repo)
        return members is not None and members.get(dgst) == NO

    def lacks_meta(self, dgst: str) -> bool:
        """Whether it is known that nobody knows where *dgst* lies."""
        layer = self._entries.get(dgst)
        return layer is not None and self._kept(layer, dgst) is ABSENT

    def known(self, dgst: str) -> tuple[list[str], LayerMeta | None]:
        """The repositories that are known to have *dgst*, and where it lies, if that is known."""
        layer = self._entries.get(dgst)
        if layer is None:
            return [], None
        repos = [repo for repo in self._repos(layer) if self._members.get(repo, {}).get(dgst)]
        return repos, self._build(layer, dgst)

    def _find_shared(self, dgst: str, home: int) -> int:
        """The layer *dgst*, which is used by way of *home*, the entry of a further repository."""
        layer = self._entries[dgst]
        for entry in (home, layer):
            if self._hits[entry] < MOST_HITS:
                self._hits[entry] += 1
        return layer

    def _build(self, layer: int, dgst: str) -> LayerMeta | None:
        meta = self._kept(layer, dgst)
        return None if meta is ABSENT else meta

    def _kept(self, layer: int, dgst: str) -> LayerMeta | None:
        """The meta of *layer*, or `ABSENT`; only what is not void may come among those built."""
        return None if self._meta_moments[layer] < self._floor else self._metas.get(layer, dgst)

    # ---- keeping

    @property
    def free(self) -> int:
        """How many entries more there is room for."""
        return self._max_entries - len(self._eviction)

    def has_place(self, repo: str | None, dgst: str) -> bool:
        """Whether *repo*, or the meta alone, has an entry for *dgst*, be it void or not."""
        return dgst in self._entries if repo is None else self._home(repo, dgst) is not None

    def ask(self, repo: str | None = None) -> Ticket:
        """What has to be taken before a question about *repo*, or about metas alone, is sent."""
        members = None
        if repo is not None:
            members = self._members.get(repo)
            if members is None:
                members = self._begin(repo)
        return members, self._moment

    def holds(self, ticket: Ticket, repo: str, dgsts: Iterable[str]) -> bool:
        """Whether nothing of *repo* and of *dgsts* has changed since *ticket* was taken."""
        members, moment = ticket
        return (
            self._members.get(repo) is members
            and moment >= self._floor
            and all(moment >= self._changes[hash(dgst) % self._cells] for dgst in dgsts)
        )

    def keep_member(self, ticket: Ticket, repo: str, dgst: str, is_member: bool) -> None:
        """Keep whether *repo* has *dgst*, if *ticket* is not void; this may take any other entry."""
        members = ticket[0]
        if members is None or self._members.get(repo) is not members:
            return
        home = self._home(repo, dgst)
        if home is None:
            home = self._settle(repo, dgst)
        layer = self._entries[dgst]
        key = self._eviction.digest(layer)  # A Digest would be larger, and a copy would be one too many.
        members[key] = NO if not is_member else layer if home == layer else ~home
        self._idle.pop(repo, None)

    def keep_meta(self, ticket: Ticket, dgst: str, meta: LayerMeta) -> None:
        """Keep where *dgst* lies, or that it is `ABSENT`, if *ticket* is not void."""
        moment = ticket[1]
        if moment < self._floor or moment < self._changes[hash(dgst) % self._cells]:
            return
        self.set_meta(dgst, meta)
        self._meta_moments[self._entries[dgst]] = moment

    def _begin(self, repo: str) -> Members:
        name = self._name(repo)
        self._births[name] = self._moment
        members = self._members[name] = {}
        self._rest(name)
        return members

    def _rest(self, repo: str) -> None:
        """Nothing is known of *repo*."""
        if len(self._idle) >= self._max_entries:
            self._end(next(iter(self._idle)))
        self._idle[repo] = None

    def _end(self, repo: str) -> None:
        members = self._members.pop(repo, None)
        if members is not None:
            members.clear()
            del self._births[repo]
            self._idle.pop(repo, None)

    # ---- changes

    def change_members(self, repo: str) -> None:
        """The memberships of *repo* have changed."""
        self._end(repo)

    def change_meta(self, dgst: str) -> None:
        """The meta of *dgst* has changed."""
        self._moment += 1
        self._changes[hash(dgst) % self._cells] = self._moment
        self.forget(dgst)

    def change_all(self) -> None:
        """Anything may have changed."""
        self._moment += 1
        for members in self._members.values():
            members.clear()
        self._members.clear()
        self._births.clear()
        self._idle.clear()
        self._marks.clear()
        self._rise(self._moment)

    def _rise(self, floor: int) -> None:
        self._floor = floor
        self._built.clear()

    # ---- age

    def let_end(self) -> None:
        """Void what has come to its age, or is a tenth younger; to be called every now and then."""
        if self._max_age is None:
            return
        now, step = self._clock(), JITTER * self._max_age
        if not self._marks or now - self._marks[-1][0] >= step:
            self._moment += 1
            self._marks.append((now, self._moment))
        if self._marks[0][0] > now - (self._max_age - step):
            return
        while self._marks and self._marks[0][0] <= now - (self._max_age - step):
            self._rise(self._marks.popleft()[1])
        while self._births and next(iter(self._births.values())) < self._floor:
            self._end(next(iter(self._births)))

    # ---- the entries of the table, and their ends

    def _enter(self, subject: Subject) -> int:
        entry = super()._enter(subject)
        self._meta_moments.extend([0] * (len(self._hits) - len(self._meta_moments)))
        return entry

    def remove(self, repo: str, dgst: str) -> None:
        """Forget that *repo* has *dgst*."""
        self._let_go(repo, dgst)
        super().remove(repo, dgst)

    def _drop(self, dgst: str) -> None:
        for repo in self._repos(self._entries[dgst]):
            self._let_go(repo, dgst)
        super()._drop(dgst)

    def _let_go(self, repo: str, dgst: str) -> None:
        members = self._members.get(repo)
        if members and members.pop(dgst, None) is not None and not members:
            self._rest(repo)
