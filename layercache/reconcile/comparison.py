"""What a cache knows, held against what a source lists; pure, part by part.

All that concerns a digest is in one part: whether its blob is there, who links
it, who is known to have it, where it is known to lie. So a part can be compared
by itself, and what does not fit is a suspect: both sides were read while they
were in use, and not at the same moment.

Parts are even unless one layer is in very many repositories. One that is too
large is compared slice by slice: what concerns a digest alone is in one slice, all
that concerns a digest in one repository in another.
"""

import json
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping

from layercache.backend import CorruptKey
from layercache.errors import InvalidArgumentError
from layercache.meta import LayerMeta, blob_path
from layercache.names import parse_digest, parse_repository
from layercache.reconcile.report import Difference, Kind

_ELSEWHERE = -1  # the length of a blob that is known to lie where no registry keeps it


# ---- a record is a line: of what kind, about which digest, and the rest

_MEMBER, _LINK, _MANIFEST, _TRACE, _META, _CORRUPT = "m", "l", "r", "t", "i", "c"


def member_record(repo: str, dgst: str) -> str:
    """The cache knows that *repo* has *dgst*."""
    return f"{_MEMBER}{dgst}\t{repo}"


def link_record(repo: str, dgst: str) -> str:
    """The source lists that *repo* links *dgst*."""
    return f"{_LINK}{dgst}\t{repo}"


def manifest_record(repo: str, dgst: str) -> str:
    """The source lists that *repo* links the manifest *dgst*."""
    return f"{_MANIFEST}{dgst}\t{repo}"


def trace_record(repo: str, dgst: str) -> str:
    """The cache keeps something beside the membership of *dgst* in *repo*."""
    return f"{_TRACE}{dgst}\t{repo}"


def meta_record(dgst: str, meta: LayerMeta) -> str:
    """The cache knows where *dgst* lies."""
    length = meta.length if meta.path == blob_path(dgst) else _ELSEWHERE
    return f"{_META}{dgst}\t{length}"


def corrupt_record(corrupt: CorruptKey) -> str:
    """The cache has something that makes no sense."""
    return _CORRUPT + json.dumps(corrupt)


# ---- slices

WITH_METAS = "metas"


def slices(count: int) -> list[str]:
    """The names of *count* slices, and of that which `WITH_METAS`."""
    return [WITH_METAS, *map(str, range(count))]


def slice_of(line: str, count: int) -> str:
    """Which of the *count* slices a record is in; the same for all of one repository and digest."""
    if line[0] in (_META, _CORRUPT):
        return WITH_METAS
    return str(zlib.crc32(line[1:].encode()) % count)


# ---- the comparison


class Records:
    """The records of one part, read."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.pairs: dict[str, set[str]] = {kind: set() for kind in (_MEMBER, _LINK, _MANIFEST, _TRACE)}
        self.lengths: dict[str, int] = {}
        self.corrupt: set[CorruptKey] = set()
        for line in lines:
            kind, rest = line[0], line[1:]
            if kind == _META:
                dgst, _, length = rest.partition("\t")
                self.lengths[dgst] = int(length)
            elif kind == _CORRUPT:
                self.corrupt.add(CorruptKey(*json.loads(rest)))
            else:
                self.pairs[kind].add(rest)


def suspects(lines: Iterable[str], blobs: Mapping[str, int], *, has_metas: bool = True) -> list[Difference]:
    """Return what does not fit in one part, or in a slice of it, always in the same order.

    Args:
        lines: The records of that part or slice.
        blobs: Which blobs of the part the source lists, and how long they are.
        has_metas: Whether the part's metas are among *lines*: else none is missed.
    """
    records = Records(lines)
    members, links, traces = (records.pairs[kind] for kind in (_MEMBER, _LINK, _TRACE))
    there = {pair for pair in links if pair.partition("\t")[0] in blobs}
    manifests = {pair for pair in records.pairs[_MANIFEST] if pair.partition("\t")[0] in blobs}
    wrong = {dgst for dgst, length in records.lengths.items() if blobs.get(dgst) != length}
    unreadable = {corrupt.dgst for corrupt in records.corrupt if corrupt.repo is None}
    unknown = blobs.keys() - records.lengths.keys() - unreadable if has_metas else ()
    return [
        *_corrupt(records.corrupt),
        *_of_pairs(Kind.STALE, members - there - manifests),
        *(Difference(Kind.STALE, None, dgst) for dgst in sorted(wrong)),
        *_of_pairs(Kind.LEFTOVER, traces - members),
        *filter(_is_well_named, _of_pairs(Kind.MISSING, there - members)),
        *filter(_is_well_named, (Difference(Kind.MISSING, None, dgst) for dgst in sorted(unknown))),
    ]


def _corrupt(found: Collection[CorruptKey]) -> Iterator[Difference]:
    for key, field, repo, dgst in sorted(found, key=str):
        yield Difference(Kind.CORRUPT, repo, dgst, key, field)


def _of_pairs(kind: Kind, pairs: Collection[str]) -> Iterator[Difference]:
    for pair in sorted(pairs):
        dgst, _, repo = pair.partition("\t")
        yield Difference(kind, repo, dgst)


def _is_well_named(missing: Difference) -> bool:
    """Whether a registry could have given the name, or somebody else put a file into its tree."""
    try:
        parse_digest(missing.dgst or "")
        if missing.repo is not None:
            parse_repository(missing.repo)
    except InvalidArgumentError:
        return False
    return True
