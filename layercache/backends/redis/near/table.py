"""NearTable: copies of what lies in Redis, voided by whoever hears of a change of the originals.

The originals change by the key: a repository, which is all its memberships at
once, or the meta of one digest. To be told of a change is all that there is to
do, in one step however much it voids:

- The memberships that are true lie in a dictionary for each repository, beside
  the table, and a change drops the dictionary. What the table itself still has
  of them is no answer any more, only the entry for the next one.
- A meta is forgotten. A change of everything is a new *moment*, and a meta from
  before that moment is none.

What is to be kept was asked for a while ago, and may have changed meanwhile:

    1  a ticket is taken, then the question is sent
    2  the change is heard of
    3  the answer comes: what the ticket was for is void, and is not kept

A ticket is the dictionary of that time and the moment of that time. Changes of
metas are noted by cells, so one that shares its cell can void a ticket needlessly,
which costs a miss. Answers may wait for minutes before they are kept (`admission.py`);
so there are two cells for each entry that there is room for, and a thousand
changes void one in two hundred of those that wait in a table of 100,000.

A dictionary that is dropped is emptied too: a ticket may hold it for long.

A repository that somebody asks about has a dictionary before anything is known of
it. As long as nothing is, it is *idle*; only idle ones have to go for new ones, so
that questions about repositories that nobody has void nothing that is in use.

All of it is answered only while it is trusted, that is until `trusted_until`.
A hit is two steps in dictionaries, so it is no dearer than one of the table's.
"""

import math
from array import array
from collections import OrderedDict, deque
from collections.abc import Iterable

from layercache.backends.memory.eviction import FIRST, MOST_HITS, Subject
from layercache.backends.memory.expiry import JITTER, Clock
from layercache.backends.memory.table import Table
from layercache.meta import LayerMeta

LEAST_CELLS = 4096  # of changes of metas
CELLS_PER_ENTRY = 2

Members = dict[str, int]  # From digests to layers, or to ~entry of a further repository.
Ticket = tuple[Members | None, int]  # The members then, if any were asked for, and the moment then.

NO = 0  # No layer has this number, see FIRST.


class NearTable(Table):
    """Memberships and metas that are answers only until their key changes.

    Attributes:
        trusted_until: Until when, on the clock, what is here may be answered.
    """

    def __init__(self, max_entries: int, max_age: float, clock: Clock) -> None:
        """Keep at most *max_entries*, for at most *max_age* seconds on *clock*."""
        super().__init__(max_entries, None, clock)
        self.trusted_until: float = -math.inf
        self._max_age = max_age
        self._members: dict[str, Members] = {}
        self._births: OrderedDict[str, int] = OrderedDict()  # The moment at which each began to be known.
        self._moment = 0
        self._oldest_moment = 0  # What is older is void.
        self._marks: deque[tuple[float, int]] = deque()  # When some moments were.
        self._idle: OrderedDict[str, None] = OrderedDict()  # Of which nothing is known.
        self._cells = max(LEAST_CELLS, CELLS_PER_ENTRY * max_entries)
        self._changes = array("Q", [0]) * self._cells
        self._meta_moments = array("Q", [0]) * FIRST

    # ---- asking

    @property
    def is_trusted(self) -> bool:
        """Whether what is here may be answered now."""
        return self._clock() < self.trusted_until

    def contains(self, repo: str, dgst: str) -> bool:
        """Whether *repo* is known to have *dgst*."""
        if self._clock() >= self.trusted_until:
            return False
        try:
            layer = self._members[repo].get(dgst, NO)
        except (KeyError, TypeError):  # A name that has not been checked may be of any type.
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
        # As in `contains`, not by a call of a third method: that is 45 ns of some 650.
        if self._clock() >= self.trusted_until:
            return None
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
        if self._clock() >= self.trusted_until:
            return None
        try:
            layer = self._entries.get(dgst)
        except TypeError:
            return None
        if layer is None:
            return None
        if self._hits[layer] < MOST_HITS:
            self._hits[layer] += 1
        return self._built.get(layer) or self._build(layer, dgst)

    def _find_shared(self, dgst: str, entry: int) -> int:
        """The layer *dgst*, which is used by way of *entry*, that of a further repository."""
        layer = self._entries[dgst]
        for used in (entry, layer):
            if self._hits[used] < MOST_HITS:
                self._hits[used] += 1
        return layer

    def _build(self, layer: int, dgst: str) -> LayerMeta | None:
        """The meta of *layer*; only what is not void may come among those built."""
        return None if self._meta_moments[layer] < self._oldest_moment else self._metas.get(layer, dgst)

    # ---- keeping

    @property
    def free(self) -> int:
        """How many entries more there is room for."""
        return self._max_entries - len(self._eviction)

    def has_entry(self, repo: str | None, dgst: str) -> bool:
        """Whether *repo*, or the meta alone, has an entry for *dgst*, be it void or not."""
        return dgst in self._entries if repo is None else self._find(repo, dgst) is not None

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
            and moment >= self._oldest_moment
            and all(moment >= self._changes[hash(dgst) % self._cells] for dgst in dgsts)
        )

    def keep_member(self, ticket: Ticket, repo: str, dgst: str) -> None:
        """Keep that *repo* has *dgst*, if *ticket* is not void; this may take any other entry."""
        members = ticket[0]
        if members is None or self._members.get(repo) is not members:
            return
        entry = self._find(repo, dgst)
        if entry is None:
            entry = self._add_repository(repo, dgst)
        layer = self._entries[dgst]
        key = self._eviction.digest(layer)  # A Digest would be larger, and a copy would be one too many.
        members[key] = layer if entry == layer else ~entry
        self._idle.pop(repo, None)

    def keep_meta(self, ticket: Ticket, dgst: str, meta: LayerMeta) -> None:
        """Keep where *dgst* lies, if *ticket* is not void."""
        moment = ticket[1]
        if moment < self._oldest_moment or moment < self._changes[hash(dgst) % self._cells]:
            return
        self.set_meta(dgst, meta)
        self._meta_moments[self._entries[dgst]] = moment

    def _begin(self, repo: str) -> Members:
        name = self._name(repo)
        self._births[name] = self._moment
        members = self._members[name] = {}
        self._become_idle(name)
        return members

    def _become_idle(self, repo: str) -> None:
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
        self._void_before(self._moment)

    def _void_before(self, moment: int) -> None:
        self._oldest_moment = moment
        self._built.clear()

    # ---- age

    def end_aged(self) -> None:
        """Void what has come to its age, or is a tenth younger; to be called every now and then."""
        now, step = self._clock(), JITTER * self._max_age
        if not self._marks or now - self._marks[-1][0] >= step:
            self._moment += 1
            self._marks.append((now, self._moment))
        if self._marks[0][0] > now - (self._max_age - step):
            return
        while self._marks and self._marks[0][0] <= now - (self._max_age - step):
            self._void_before(self._marks.popleft()[1])
        while self._births and next(iter(self._births.values())) < self._oldest_moment:
            self._end(next(iter(self._births)))

    # ---- the entries of the table, and their ends

    def _enter(self, subject: Subject) -> int:
        entry = super()._enter(subject)
        self._meta_moments.extend([0] * (len(self._hits) - len(self._meta_moments)))
        return entry

    def remove(self, repo: str, dgst: str) -> None:
        """Forget that *repo* has *dgst*."""
        self._void_member(repo, dgst)
        super().remove(repo, dgst)

    def _drop(self, dgst: str) -> None:
        for repo in self._repositories(self._entries[dgst]):
            self._void_member(repo, dgst)
        super()._drop(dgst)

    def _void_member(self, repo: str, dgst: str) -> None:
        members = self._members.get(repo)
        if members and members.pop(dgst, None) is not None and not members:
            self._become_idle(repo)
