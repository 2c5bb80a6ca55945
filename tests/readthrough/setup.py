"""What the tests of the read-through need: a source, a cache that can fail, and the one before the other."""

from layercache import Event, Observer, ReadThroughCache, background
from layercache.testing import FaultyCache, SlowSource, new_digest, new_meta, new_repository
from tests.reference import ReferenceCache

CTX = background()
REPO, OTHER, DGST = new_repository(), new_repository(), new_digest()
META = new_meta(DGST)


class Recorder(Observer):
    """Keeps every event, as one line."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def observe(self, event: Event) -> None:
        assert event.seconds >= 0
        self.events.append(f"{event.tier} {event.operation} {event.outcome}")


class Setup:
    """A source that has one layer, an empty cache that can fail, and the read-through of both."""

    def __init__(self) -> None:
        self.source = SlowSource()
        self.source.put(REPO, DGST, META)
        store = ReferenceCache()
        self.reference = store.reference
        self.faulty = FaultyCache(store)
        self.recorder = Recorder()
        self.cache = ReadThroughCache(self.faulty, self.source, observer=self.recorder)

    def is_known(self) -> bool:
        """Whether the cache knows both halves of the layer."""
        return (REPO, DGST) in self.reference.members and DGST in self.reference.metas
