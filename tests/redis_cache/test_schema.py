"""The schema as a table: what each writer version writes and deletes, and what is corrupt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layercache.backends.redis.commands import store_meta
from layercache.backends.redis.resp import ReplyFault
from layercache.backends.redis.schema import (
    FIELDS,
    NonsenseError,
    member_lease_key,
    members_key,
    meta_key,
    meta_lease_key,
    scoped_key,
    to_membership,
    to_memberships,
    to_meta,
    to_stat,
    to_stats,
)
from layercache.errors import BackendError, BackendUnavailableError, CorruptEntryError
from layercache.meta import DEFAULT_MEDIA_TYPE, LayerMeta, blob_path

DIGEST = "sha256:" + "0123456789abcdef" * 4
LONGER = "sha512:" + "0123456789abcdef" * 8
PATH = "/docker/registry/v2/blobs/sha256/01/" + "0123456789abcdef" * 4 + "/data"
GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"

Fields = dict[str, bytes]

OF_2015: Fields = {"path": b"/blobs/a", "length": b"7"}
OF_GO: Fields = {"digest": DIGEST.encode(), "size": b"7", "mediatype": b"application/octet-stream"}
OURS: Fields = OF_2015 | OF_GO | {"mediatype": GZIP.encode(), "writer": b"layercache"}


def reply(fields: Fields) -> list[bytes | None]:
    """What a server answers for a hash of *fields*."""
    return [fields.get(field) for field in FIELDS]


def without(fields: Fields, *names: str) -> Fields:
    """What an HDEL of *names* leaves of *fields*."""
    return {name: value for name, value in fields.items() if name not in names}


KNOWN = {
    "ours": (OURS, LayerMeta("/blobs/a", 7, GZIP)),
    "ours, with an empty media type": (OURS | {"mediatype": b""}, LayerMeta("/blobs/a", 7, "")),
    "ours, empty": (OURS | {"length": b"0", "size": b"0"}, LayerMeta("/blobs/a", 0, GZIP)),
    "ours, as long as can be": (
        OURS | {"length": b"9223372036854775807", "size": b"9223372036854775807"},
        LayerMeta("/blobs/a", 2**63 - 1, GZIP),
    ),
    "ours, at a path beyond ASCII": (OURS | {"path": "/ü€".encode()}, LayerMeta("/ü€", 7, GZIP)),
    "of Go": (OF_GO, LayerMeta(PATH, 7)),
    "of Go, before its HSETNX": (without(OF_GO, "mediatype"), LayerMeta(PATH, 7)),
    "of Go, by another name": (
        OF_GO | {"digest": LONGER.encode()},
        LayerMeta(blob_path(LONGER), 7),
    ),
    "of Go, over one of 2015": (OF_2015 | OF_GO, LayerMeta("/blobs/a", 7)),
    "of Go, over a partially deleted entry of ours": (
        without(OURS, "length"),
        LayerMeta("/blobs/a", 7, GZIP),
    ),
    "of 2015": (OF_2015, LayerMeta("/blobs/a", 7)),
    "of 2015, and Go's late HSETNX": (OF_2015 | {"mediatype": b"a/b"}, LayerMeta("/blobs/a", 7, "a/b")),
}

GO_CLEARS = {"older": ("digest", "length", "mediatype"), "2.8.2": ("digest", "size", "mediatype")}

UNKNOWN = {
    "nothing": {},
    "Go's late HSETNX": {"mediatype": b"application/octet-stream"},
    **{f"ours, cleared by Go, {when}": without(OURS, *names) for when, names in GO_CLEARS.items()},
    **{f"Go's, cleared by Go, {when}": without(OF_GO, *names) for when, names in GO_CLEARS.items()},
    **{
        f"ours, cleared by Go, {when}, and its late HSETNX": without(OURS, *names) | {"mediatype": b"a/b"}
        for when, names in GO_CLEARS.items()
    },
    "Go's over one of 2015, cleared by Go, older": without(OF_2015 | OF_GO, *GO_CLEARS["older"]),
}

NUMBERS = {
    "a word": b"seven",
    "nothing": b"",
    "a sign": b"-7",
    "a plus": b"+7",
    "a blank": b" 7",
    "an underscore": b"1_000",
    "a fraction": b"7.0",
    "digits beyond ASCII": "\N{ARABIC-INDIC DIGIT SEVEN}".encode(),
    "one too long": b"9223372036854775808",
    "far too long": b"9" * 5_000,
}

CORRUPT = {
    **{f"length is {what}": (OURS | {"length": bad}, "length") for what, bad in NUMBERS.items()},
    **{f"size is {what}": (OURS | {"size": bad}, "size") for what, bad in NUMBERS.items()},
    **{f"size of Go is {what}": (OF_GO | {"size": bad}, "size") for what, bad in NUMBERS.items()},
    **{f"length of 2015 is {what}": (OF_2015 | {"length": bad}, "length") for what, bad in NUMBERS.items()},
    "length and size differ": (OURS | {"length": b"8"}, "length"),
    "path is empty": (OURS | {"path": b""}, "path"),
    "path of 2015 is empty": (OF_2015 | {"path": b""}, "path"),
    "path is no text": (OURS | {"path": b"/\xff"}, "path"),
    "path of 2015 is no text": (OF_2015 | {"path": b"/\xff"}, "path"),
    "media type is no text": (OURS | {"mediatype": b"\xff"}, "mediatype"),
    "media type of Go is no text": (OF_GO | {"mediatype": b"\xff"}, "mediatype"),
    "digest of Go is no text": (OF_GO | {"digest": b"\xff"}, "digest"),
    "digest of Go is empty": (OF_GO | {"digest": b""}, "digest"),
    "digest of Go is none": (OF_GO | {"digest": b"sha256:../../../etc/passwd"}, "digest"),
    "path without length": (without(OF_2015, "length"), "length"),
    "length without path": (without(OF_2015, "path"), "path"),
    "digest without size": (without(OF_GO, "size"), "size"),
}


@pytest.mark.parametrize(("fields", "meta"), KNOWN.values(), ids=KNOWN)
def test_an_entry_is_read(fields: Fields, meta: LayerMeta) -> None:
    """A whole entry is read, whichever version wrote it."""
    assert to_meta(DIGEST, reply(fields)) == meta


@pytest.mark.parametrize("fields", UNKNOWN.values(), ids=UNKNOWN)
def test_a_partially_deleted_entry_is_a_miss(fields: Fields) -> None:
    """What a deletion by a Go registry leaves of an entry is no entry."""
    assert to_meta(DIGEST, reply(fields)) is None


@pytest.mark.parametrize(("fields", "field"), CORRUPT.values(), ids=CORRUPT)
def test_nonsense_is_corrupt(fields: Fields, field: str) -> None:
    """A malformed entry is named by its key and its field."""
    with pytest.raises(CorruptEntryError) as caught:
        to_meta(DIGEST, reply(fields))
    assert (caught.value.key, caught.value.field) == (f"blobs::{DIGEST}", field)


NAMES = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=50)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


@given(dgst=NAMES, path=TEXTS.filter(bool), length=st.integers(0, 2**63 - 1), media_type=TEXTS)
def test_what_is_written_is_read(dgst: str, path: str, length: int, media_type: str) -> None:
    """Every meta that can be stored is read as it was."""
    _, _, *pairs = store_meta(dgst, LayerMeta(path, length, media_type)).words
    fields = {name: value.encode() for name, value in zip(pairs[::2], pairs[1::2], strict=True)}
    assert to_meta(dgst, reply(fields)) == LayerMeta(path, length, media_type)


@given(fields=st.lists(st.none() | st.binary(max_size=30) | st.integers(), min_size=6, max_size=6))
def test_any_hash_has_an_outcome(fields: list[bytes | int | None]) -> None:
    """Whatever a hash holds, it is an entry, a miss or corrupt."""
    try:
        meta = to_meta(DIGEST, fields)
    except CorruptEntryError:
        return
    if meta is None:
        return
    assert meta.path
    assert 0 <= meta.length < 2**63


def test_keys() -> None:
    """The keys are those of the Go registry, and each lease wraps the key beside it in braces."""
    assert members_key("a/b") == "repository::a/b::blobs"
    assert meta_key("c:d") == "blobs::c:d"
    assert scoped_key("a/b", "c:d") == "repository::a/b::blobs::c:d"
    assert member_lease_key("a/b", "c:d") == "{repository::a/b::blobs}::lease::c:d"
    assert meta_lease_key("c:d") == "{blobs::c:d}::lease"


def test_what_we_write() -> None:
    """An entry of ours has the fields of both generations, and names its writer."""
    assert store_meta("c:d", LayerMeta("/e", 7, "f")).words == (
        *("HSET", "blobs::c:d", "path", "/e", "length", "7"),
        *("digest", "c:d", "size", "7", "mediatype", "f", "writer", "layercache"),
    )


def test_the_default_media_type_is_octets() -> None:
    """An entry without a media type gets that of unknown bytes."""
    meta = to_meta(DIGEST, reply(OF_2015))
    assert meta is not None
    assert meta.media_type == DEFAULT_MEDIA_TYPE


# ---- the other replies


def test_memberships() -> None:
    """One is a member and zero is none."""
    assert (to_membership("a", 1), to_membership("a", 0)) == (True, False)
    assert to_memberships(("a", ["b", "c"]), [0, 1]) == [False, True]


def test_a_stat_needs_both() -> None:
    """A digest that is in the set and one that has a meta are misses; both make an answer."""
    assert to_stat(("a", DIGEST), [reply(OF_GO), 1]) == LayerMeta(PATH, 7)
    for replies in ([reply(OF_GO), 0], [reply({}), 1], [reply({}), 0]):
        assert to_stat(("a", DIGEST), replies) is None


def test_stats_are_in_order() -> None:
    """The replies to a bulk stat are matched to the digests by their order."""
    replies = [reply(OF_GO), reply({}), reply(OURS), [1, 1, 0]]
    assert to_stats(("a", [DIGEST] * 3), replies) == [LayerMeta(PATH, 7), None, None]


OTHER_SHAPES: tuple[object, ...] = (b"OK", "OK", 2, -1, None, 1.5, [], [1], {b"path": b"a"}, [b"1"] * 5)


@pytest.mark.parametrize("nonsense", OTHER_SHAPES, ids=repr)
def test_a_reply_of_another_shape_is_nonsense(nonsense: object) -> None:
    """A reply that the command cannot have is a clear error, which names the key."""
    with pytest.raises(NonsenseError, match="blobs::c:d"):
        to_meta("c:d", nonsense)
    with pytest.raises(NonsenseError, match="repository::a::blobs"):
        to_membership("a", nonsense)
    with pytest.raises(NonsenseError, match="repository::a::blobs"):
        to_memberships(("a", ["b", "c"]), nonsense)


def test_an_error_reply_is_raised_as_it_is() -> None:
    """A decoder given an error reply raises its public error, by key if the key is at fault."""
    wrong = ReplyFault("WRONGTYPE Operation against a key holding the wrong kind of value")
    with pytest.raises(CorruptEntryError) as caught:
        to_stat(("a", DIGEST), [reply(OURS), wrong])
    assert (caught.value.key, caught.value.field) == ("repository::a::blobs", "")
    assert caught.value.__cause__ is wrong
    with pytest.raises(CorruptEntryError) as caught:
        to_stat(("a", DIGEST), [wrong, 1])
    assert caught.value.key == f"blobs::{DIGEST}"
    with pytest.raises(BackendUnavailableError, match="LOADING"):
        to_meta(DIGEST, ReplyFault("LOADING Redis is loading the dataset in memory"))
    with pytest.raises(BackendError, match="NOPERM"):
        to_memberships(("a", ["b"]), ReplyFault("NOPERM this user has no permissions"))
