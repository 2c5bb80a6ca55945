"""Who has to go when the table is full: S3-FIFO, with the shares that measured best.

Most layers are pulled once, base layers always. A list in order of use (LRU)
lets the many push out the few, and is rewritten on every hit. Here a hit is one
addition to a byte, and what is known waits for its turn in one of two queues:

- *small*, a twentieth of the table, is where it enters. If it was asked for
  by the time its turn comes it goes on to main, else out.
- In *main* each hit, up to `MOST_HITS`, is worth another round.

Who comes back soon after it fell out of small, a *ghost*, enters main directly.

Prior art: Yang et al., "FIFO queues are all you need for cache eviction", SOSP
2023. Other than there, one hit is enough for main, hits count to 7, and the
ghosts lie in a table of marks, where each overwrites an older one; measured in
docs/explanation/eviction.md, beside LRU, ARC, SIEVE and the paper's own shares.

Limit: a choice looks at `MOST_STEPS` entries at most. Where each was asked for
lately, a fair one would go around the whole table while the event loop waits.
"""

from array import array

SMALL_SHARE = 20  # Small is one of so many parts.
MOST_HITS = 7
MOST_STEPS = 128
GROWTH, LEAST_GROWTH = 64, 64  # Measured: what grows by more at a time leaves larger holes in the heap.

Subject = str | tuple[str, str]  # What an entry is about: a layer, or a layer and a repository.

SMALL, MAIN, FIRST = 0, 1, 2  # Two heads of rings, then the entries.


class Eviction:
    """The entries, by number, in the order in which they have to go.

    Attributes:
        hits: How often each was asked for since its last turn, up to
            `MOST_HITS`. The table counts them, being nearer to the question.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._small_target = max(1, capacity // SMALL_SHARE)
        self._small_size = 0
        self._subjects: list[Subject | None] = [None] * FIRST
        self._next = array("I", (SMALL, MAIN))
        self._previous = array("I", (SMALL, MAIN))
        self._is_small = bytearray(FIRST)
        self.hits: bytearray = bytearray(FIRST)
        self._free: list[int] = []
        self._ghosts = array("I")

    def __len__(self) -> int:
        return len(self._subjects) - FIRST - len(self._free)

    def enter(self, subject: Subject) -> int:
        """Give *subject* an entry: a new number, or one that is free again."""
        if not self._free:
            self._grow()
        entry = self._free.pop()
        self._subjects[entry] = subject
        self.hits[entry] = 0
        self._append(entry, MAIN if self._is_ghost(subject) else SMALL)
        return entry

    def leave(self, entry: int) -> None:
        """Free *entry*."""
        self._unlink(entry)
        self._subjects[entry] = None
        self._free.append(entry)

    def digest(self, entry: int) -> str:
        """The digest that *entry*, a layer, is about."""
        subject = self._subjects[entry]
        assert isinstance(subject, str), "not a layer"
        return subject

    def choose(self) -> Subject:
        """What has to go; its entry is to leave next. There must be an entry."""
        entry = self._head()
        for _ in range(MOST_STEPS):
            if not self.hits[entry]:
                break
            self._give_another_round(entry)
            entry = self._head()
        subject = self._subjects[entry]
        assert subject is not None, "a free entry is in no queue"
        if self._is_small[entry]:
            self._haunt(subject)
        return subject

    # ---- the two queues, rings linked both ways

    def _head(self) -> int:
        is_small_due = self._small_size > self._small_target or self._next[MAIN] == MAIN
        return self._next[SMALL if is_small_due else MAIN]

    def _give_another_round(self, entry: int) -> None:
        self.hits[entry] = 0 if self._is_small[entry] else self.hits[entry] - 1
        self._unlink(entry)
        self._append(entry, MAIN)

    def _append(self, entry: int, ring: int) -> None:
        last = self._previous[ring]
        self._next[last] = self._previous[ring] = entry
        self._previous[entry] = last
        self._next[entry] = ring
        self._is_small[entry] = ring == SMALL
        self._small_size += ring == SMALL

    def _unlink(self, entry: int) -> None:
        before, after = self._previous[entry], self._next[entry]
        self._next[before] = after
        self._previous[after] = before
        self._small_size -= self._is_small[entry]

    def _grow(self) -> None:
        first = len(self._subjects)
        more = first // GROWTH + LEAST_GROWTH
        self._subjects.extend([None] * more)
        for column in (self._next, self._previous):
            column.extend([0] * more)
        for flags in (self._is_small, self.hits):
            flags.extend(bytes(more))
        self._free.extend(range(first + more - 1, first - 1, -1))

    # ---- the ghosts

    def _haunt(self, subject: Subject) -> None:
        if not self._ghosts:  # Nothing had to go before.
            self._ghosts = array("I", [0]) * self._capacity
        cell, mark = self._place(subject)
        self._ghosts[cell] = mark

    def _is_ghost(self, subject: Subject) -> bool:
        if not self._ghosts:
            return False
        cell, mark = self._place(subject)
        return self._ghosts[cell] == mark

    def _place(self, subject: Subject) -> tuple[int, int]:
        """The cell of *subject*, and a mark that is never the 0 of an empty cell."""
        mark, cell = divmod(hash(subject), self._capacity)
        return cell, mark & 0xFFFF_FFFF | 1
