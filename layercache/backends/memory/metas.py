"""What is known of where layers lie: a few bytes each instead of three objects.

A path is not kept where it is the one that the distribution layout gives the
digest, a media type is kept as its number among the first 254 that were seen,
and a length of four gigabytes is long for a layer. What does not fit is odd,
and kept as it came. The price is that an answer has to be built; those built
lately are kept, so that what is asked for all the time is built once.
"""

from array import array

from layercache.backends.memory.eviction import FIRST
from layercache.meta import LayerMeta, blob_path

MOST_BUILT = 16_384  # about 5 MB
ODD_LENGTH = 2**32

_ODD, _UNKNOWN = 254, 255  # Above the number of any media type.


class Metas:
    """The meta of each entry that has one; an entry is a number, as in `Eviction`.

    Attributes:
        built: The metas that were asked for lately, by entry, whole.
    """

    def __init__(self) -> None:
        self._kinds = bytearray([_UNKNOWN] * FIRST)  # The number of a media type, or one of the two.
        self._lengths = array("I", [0] * FIRST)
        self._media_types: list[str] = []
        self._numbers: dict[str, int] = {}
        self._odd: dict[int, LayerMeta] = {}
        self.built: dict[int, LayerMeta] = {}

    def get(self, entry: int, dgst: str) -> LayerMeta | None:
        """The meta of *entry*, which is about *dgst*; from now on it is among those built."""
        if not self.has(entry):
            return None
        kind = self._kinds[entry]
        if kind == _ODD:
            return self._odd[entry]
        if len(self.built) >= MOST_BUILT:
            self.built.clear()
        meta = LayerMeta(blob_path(dgst), self._lengths[entry], self._media_types[kind])
        self.built[entry] = meta
        return meta

    def has(self, entry: int) -> bool:
        """Whether *entry* has a meta."""
        return self._kinds[entry] != _UNKNOWN

    def grow(self, more: int) -> None:
        """Make place for so many *more* entries."""
        self._kinds.extend([_UNKNOWN] * more)
        self._lengths.extend([0] * more)

    def set(self, entry: int, dgst: str, meta: LayerMeta) -> None:
        """Keep *meta* for *entry*, which is about *dgst*."""
        self.clear(entry)
        kind = self._kinds[entry] = self._kind(dgst, meta)
        if kind == _ODD:
            self._odd[entry] = meta
        else:
            self._lengths[entry] = meta.length

    def clear(self, entry: int) -> None:
        """Keep nothing for *entry*."""
        if self.has(entry):
            self._kinds[entry] = _UNKNOWN
            self._odd.pop(entry, None)
            self.built.pop(entry, None)

    def _kind(self, dgst: str, meta: LayerMeta) -> int:
        if meta.length >= ODD_LENGTH or meta.path != blob_path(dgst):
            return _ODD
        number = self._numbers.get(meta.media_type)
        if number is not None:
            return number
        number = len(self._media_types)
        if number == _ODD:
            return _ODD
        self._numbers[meta.media_type] = number
        self._media_types.append(meta.media_type)
        return number
