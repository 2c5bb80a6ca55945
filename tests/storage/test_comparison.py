"""What is suspected when a cache is held against a listing; pure."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from layercache.backend import CorruptKey
from layercache.meta import LayerMeta, blob_path
from layercache.reconcile import Difference, Kind
from layercache.reconcile.comparison import (
    WITH_METAS,
    corrupt_record,
    link_record,
    member_record,
    meta_record,
    slice_of,
    slices,
    suspects,
    trace_record,
)
from tests.storage.trees import digest_of

DGSTS = sorted(digest_of(bytes([number])) for number in range(3))
REPOS = ["a", "b/c"]
A, B, _ = DGSTS

Pairs = set[tuple[str, str]]
pairs = st.sets(st.tuples(st.sampled_from(REPOS), st.sampled_from(DGSTS)))
lengths = st.dictionaries(st.sampled_from(DGSTS), st.integers(0, 1))


def meta(dgst: str, length: int = 1) -> LayerMeta:
    """What a cache knows of a blob that lies where it should."""
    return LayerMeta(blob_path(dgst), length)


@given(members=pairs, links=pairs, traces=pairs, metas=lengths, blobs=lengths)
def test_everything_that_does_not_fit(
    members: Pairs, links: Pairs, traces: Pairs, metas: dict[str, int], blobs: dict[str, int]
) -> None:
    """What is suspected is what a look at each repository and digest by itself would find."""
    expected = set()
    for dgst in DGSTS:
        for repo in REPOS:
            is_member, is_there = (repo, dgst) in members, (repo, dgst) in links and dgst in blobs
            if is_member and not is_there:
                expected.add(Difference(Kind.STALE, repo, dgst))
            if is_there and not is_member:
                expected.add(Difference(Kind.MISSING, repo, dgst))
            if (repo, dgst) in traces and not is_member:
                expected.add(Difference(Kind.LEFTOVER, repo, dgst))
        if dgst in metas and metas[dgst] != blobs.get(dgst):
            expected.add(Difference(Kind.STALE, None, dgst))
        if dgst in blobs and dgst not in metas:
            expected.add(Difference(Kind.MISSING, None, dgst))
    records = [member_record(*pair) for pair in members]
    records += [link_record(*pair) for pair in links]
    records += [trace_record(*pair) for pair in traces]
    records += [meta_record(dgst, meta(dgst, length)) for dgst, length in metas.items()]
    found = suspects(records, blobs)
    assert len(found) == len(set(found))
    assert set(found) == expected


@given(members=pairs, links=pairs, traces=pairs, metas=lengths, blobs=lengths, count=st.integers(1, 4))
def test_slices(
    members: Pairs, links: Pairs, traces: Pairs, metas: dict[str, int], blobs: dict[str, int], count: int
) -> None:
    """The slices of a part tell together what the part would have told, and nothing twice."""
    records = [member_record(*pair) for pair in members]
    records += [link_record(*pair) for pair in links]
    records += [trace_record(*pair) for pair in traces]
    records += [meta_record(dgst, meta(dgst, length)) for dgst, length in metas.items()]
    records += [corrupt_record(CorruptKey(f"blobs::{A}", "size", None, A))]
    sliced = defaultdict(list)
    for record in records:
        sliced[slice_of(record, count)].append(record)
    found = [
        suspect
        for name in slices(count)
        for suspect in suspects(sliced[name], blobs, has_metas=name == WITH_METAS)
    ]
    assert len(found) == len(set(found))
    assert set(found) == set(suspects(records, blobs))


def test_order_is_always_the_same() -> None:
    """The order of the suspects does not depend on that of the records, nor on how often each was told."""
    records = [member_record(repo, dgst) for repo in REPOS for dgst in DGSTS]
    assert suspects(records, {}) == suspects([*reversed(records), *records], {})


def test_elsewhere() -> None:
    """A meta that names another path than the registry's is suspected, whatever length it has."""
    for length in (0, 1):
        record = meta_record(A, LayerMeta("/elsewhere", length))
        assert suspects([record], {A: 1}) == [Difference(Kind.STALE, None, A)]


def test_corrupt_is_not_missing() -> None:
    """A meta that makes no sense is corrupt, and not missing as well."""
    record = corrupt_record(CorruptKey(f"blobs::{A}", "size\n\t", None, A))
    assert suspects([record], {A: 1}) == [Difference(Kind.CORRUPT, None, A, f"blobs::{A}", "size\n\t")]


def test_corrupt_repository() -> None:
    """Members that make no sense as a whole are told by their repository."""
    record = corrupt_record(CorruptKey("repository::a::blobs", "", "a", None))
    assert suspects([record, record], {}) == [Difference(Kind.CORRUPT, "a", None, "repository::a::blobs")]


def test_foreign_files_are_not_missing() -> None:
    """A file in the tree that no registry has written is not missed by the cache."""
    records = [link_record("Not/A/Name", A), link_record("a", B)]
    assert suspects(records, {A: 1, B: 1, "sha256:short": 1}) == [
        Difference(Kind.MISSING, "a", B),
        Difference(Kind.MISSING, None, A),
        Difference(Kind.MISSING, None, B),
    ]
