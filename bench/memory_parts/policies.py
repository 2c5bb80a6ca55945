"""The policies that were weighed, each as plain as its paper has it.

A policy knows keys only: `hit` says whether it has one and takes note; `enter`
is called after a miss. What is shipped is not among them: `hits.py` asks
MemoryCache itself.
"""

from collections import OrderedDict, deque
from typing import Protocol


class Policy(Protocol):
    """What keeps some keys."""

    def hit(self, key: int) -> bool:
        """Whether *key* is kept."""

    def enter(self, key: int) -> None:
        """Keep *key*, and let go of another if there is no room."""


class Lru:
    """Least recently used."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._keys: OrderedDict[int, None] = OrderedDict()

    def hit(self, key: int) -> bool:
        """Whether *key* is kept; it is now the most recent."""
        if key not in self._keys:
            return False
        self._keys.move_to_end(key)
        return True

    def enter(self, key: int) -> None:
        """Keep *key* as the most recent."""
        self._keys[key] = None
        if len(self._keys) > self._size:
            self._keys.popitem(last=False)


class Arc:
    """Adaptive replacement, which the Go registry uses: Megiddo and Modha, FAST 2003, figure 4."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._target = 0  # How large the list of those seen once ought to be.
        self._once: OrderedDict[int, None] = OrderedDict()
        self._often: OrderedDict[int, None] = OrderedDict()
        self._once_ghosts: OrderedDict[int, None] = OrderedDict()
        self._often_ghosts: OrderedDict[int, None] = OrderedDict()

    def hit(self, key: int) -> bool:
        """Whether *key* is kept; from the second time on it is among those seen often."""
        if key in self._once:
            del self._once[key]
        elif key not in self._often:
            return False
        self._often[key] = None
        self._often.move_to_end(key)
        return True

    def enter(self, key: int) -> None:
        """Keep *key*: among those seen often if its ghost is still here."""
        if key in self._once_ghosts:
            step = max(len(self._often_ghosts) // len(self._once_ghosts), 1)
            self._target = min(self._size, self._target + step)
            self._replace(is_often_ghost=False)
            del self._once_ghosts[key]
            self._often[key] = None
        elif key in self._often_ghosts:
            step = max(len(self._once_ghosts) // len(self._often_ghosts), 1)
            self._target = max(0, self._target - step)
            self._replace(is_often_ghost=True)
            del self._often_ghosts[key]
            self._often[key] = None
        else:
            self._make_room()
            self._once[key] = None

    def _make_room(self) -> None:
        seen_once = len(self._once) + len(self._once_ghosts)
        if seen_once == self._size:
            if len(self._once) < self._size:
                self._once_ghosts.popitem(last=False)
                self._replace(is_often_ghost=False)
            else:
                self._once.popitem(last=False)
            return
        total = seen_once + len(self._often) + len(self._often_ghosts)
        if total >= self._size:
            if total == 2 * self._size:
                self._often_ghosts.popitem(last=False)
            self._replace(is_often_ghost=False)

    def _replace(self, *, is_often_ghost: bool) -> None:
        excess = len(self._once) - self._target
        if self._once and (excess > 0 or (is_often_ghost and excess == 0)):
            self._once_ghosts[self._once.popitem(last=False)[0]] = None
        else:
            self._often_ghosts[self._often.popitem(last=False)[0]] = None


class Sieve:
    """SIEVE: Zhang et al., NSDI 2024. A hand goes from old to new and spares, once, what was asked for."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._visited: dict[int, bool] = {}
        self._newer: dict[int, int | None] = {}
        self._older: dict[int, int | None] = {}
        self._newest: int | None = None
        self._oldest: int | None = None
        self._hand: int | None = None

    def hit(self, key: int) -> bool:
        """Whether *key* is kept; the hand will spare it."""
        if key not in self._visited:
            return False
        self._visited[key] = True
        return True

    def enter(self, key: int) -> None:
        """Keep *key* as the newest."""
        if len(self._visited) >= self._size:
            self._evict()
        self._visited[key] = False
        self._newer[key], self._older[key] = None, self._newest
        if self._newest is None:
            self._oldest = key
        else:
            self._newer[self._newest] = key
        self._newest = key

    def _evict(self) -> None:
        key = self._oldest if self._hand is None else self._hand
        while key is not None and self._visited[key]:
            self._visited[key] = False
            key = self._newer[key]
            key = self._oldest if key is None else key
        assert key is not None, "a full list has an oldest"
        newer, older = self._newer.pop(key), self._older.pop(key)
        del self._visited[key]
        self._hand = newer
        if newer is None:
            self._newest = older
        else:
            self._older[newer] = older
        if older is None:
            self._oldest = newer
        else:
            self._newer[older] = newer


class S3Fifo:
    """S3-FIFO with the shares of its paper: Yang et al., SOSP 2023."""

    def __init__(
        self, size: int, *, small: float = 0.1, ghosts: float = 0.9, most_hits: int = 3, worth_main: int = 2
    ) -> None:
        """Shares are of *size*; so many hits are counted at most, and so many lead from small to main."""
        self._size = size
        self._small_size = max(1, int(size * small))
        self._ghosts_size = max(1, int(size * ghosts))
        self._most_hits = most_hits
        self._worth_main = worth_main
        self._hits: dict[int, int] = {}
        self._small: deque[int] = deque()
        self._main: deque[int] = deque()
        self._ghosts: OrderedDict[int, None] = OrderedDict()

    def hit(self, key: int) -> bool:
        """Whether *key* is kept; the hit is counted."""
        hits = self._hits.get(key)
        if hits is None:
            return False
        if hits < self._most_hits:
            self._hits[key] = hits + 1
        return True

    def enter(self, key: int) -> None:
        """Keep *key*: in main if its ghost is still here, else in small."""
        while len(self._hits) >= self._size:
            self._evict()
        self._hits[key] = 0
        if key in self._ghosts:
            del self._ghosts[key]
            self._main.append(key)
        else:
            self._small.append(key)

    def _evict(self) -> None:
        if len(self._small) >= self._small_size or not self._main:
            key = self._small.popleft()
            if self._hits[key] >= self._worth_main:
                self._hits[key] = 0
                self._main.append(key)
                return
            self._ghosts[key] = None
            if len(self._ghosts) > self._ghosts_size:
                self._ghosts.popitem(last=False)
        else:
            key = self._main.popleft()
            if self._hits[key]:
                self._hits[key] -= 1
                self._main.append(key)
                return
        del self._hits[key]
