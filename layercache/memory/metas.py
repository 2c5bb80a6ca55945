"""What is known of where layers lie: a few bytes each instead of three objects.

A path is not kept where it is the one that the distribution layout gives the
digest, and a media type is kept as its number among the first 254 that were
seen. What does not fit is kept as it came. The price is that an answer has to
be built (0.6 us); those built last are kept, so that what is asked for all the
time is built once.
"""

from array import array

from layercache.memory.eviction import FIRST
from layercache.meta import LayerMeta, blob_path

MOST_BUILT = 16_384  # about 5 MB
MOST_MEDIA_TYPES = 254

_UNKNOWN, _ODD = 255, 254


class Metas:
    """The meta of each entry that has one; an entry is a number, as in `Eviction`.

    Attributes:
        built: The metas that were asked for lately, by entry, whole.
    """

    def __init__(self) -> None:
        self._kinds = bytearray([_UNKNOWN] * FIRST)  # The number of a media type, or one of the two.
        self._lengths = array("q", [0] * FIRST)
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

    def grow(self) -> None:
        """Make place for one entry more."""
        self._kinds.append(_UNKNOWN)
        self._lengths.append(0)

    def set(self, entry: int, dgst: str, meta: LayerMeta) -> None:
        """Keep *meta* for *entry*, which is about *dgst*."""
        self.clear(entry)
        kind = self._number(meta.media_type) if meta.path == blob_path(dgst) else _ODD
        if kind == _ODD:
            self._odd[entry] = meta
        self._kinds[entry] = kind
        self._lengths[entry] = meta.length

    def clear(self, entry: int) -> None:
        """Keep nothing for *entry*."""
        if self.has(entry):
            self._kinds[entry] = _UNKNOWN
            self._odd.pop(entry, None)
            self.built.pop(entry, None)

    def _number(self, media_type: str) -> int:
        number = self._numbers.get(media_type)
        if number is None:
            number = len(self._media_types)
            if number == MOST_MEDIA_TYPES:
                return _ODD
            self._numbers[media_type] = number
            self._media_types.append(media_type)
        return number
