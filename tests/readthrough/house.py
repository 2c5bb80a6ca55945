"""A house to test in: a source, a cache that can fail, and the one before the other."""

from layercache import Observer, ReadThroughCache, background
from layercache.testing import FaultyCache, SlowSource, new_digest, new_meta, new_repository
from tests.reference import ReferenceCache

CTX = background()
REPO, OTHER, DGST = new_repository(), new_repository(), new_digest()
META = new_meta(DGST)


class Tally(Observer):
    """Writes down all it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def hit(self, operation: str) -> None:
        self.told.append(f"hit {operation}")

    def miss(self, operation: str) -> None:
        self.told.append(f"miss {operation}")

    def asked(self, operation: str, seconds: float) -> None:
        assert seconds >= 0
        self.told.append(f"asked {operation}")

    def filled(self, stored: bool) -> None:
        self.told.append("filled" if stored else "refused")

    def failed(self, operation: str, error: Exception) -> None:
        self.told.append(f"failed {operation}")


class House:
    """A source that has one layer, an empty cache that can fail, and the one before the other."""

    def __init__(self) -> None:
        self.source = SlowSource()
        self.source.put(REPO, DGST, META)
        self.store = ReferenceCache()
        self.cache = FaultyCache(self.store)
        self.tally = Tally()
        self.front = ReadThroughCache(self.cache, self.source, observer=self.tally)

    def knows(self) -> bool:
        return (REPO, DGST) in self.store.members and DGST in self.store.metas
