"""What the tests of the read-through need: a source, a cache that can fail, and the one before the other."""

from layercache import ReadThroughCache, background
from layercache.testing import FaultyCache, SlowSource, new_digest, new_meta, new_repository
from tests.recorder import Recorder
from tests.reference import ReferenceCache

CTX = background()
REPO, OTHER, DGST = new_repository(), new_repository(), new_digest()
META = new_meta(DGST)


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
