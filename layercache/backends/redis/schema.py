"""Keys and fields <-> what they mean. Pure: text in, text out; nothing here does I/O.

The keys are the Go registry's, and the leases beside them are ours:

    repository::<repo>::blobs                     set of digests: the membership
    blobs::<digest>                               hash: the meta
    repository::<repo>::blobs::<digest>           hash: a media type for that repository alone
    {repository::<repo>::blobs}::lease::<digest>  string: in the cluster slot of the set
    {blobs::<digest>}::lease                      string: in the cluster slot of the hash

The hash is written by four hands, and three of them erase, each what it knows:

    who                         writes                        erases
    the ancestor, 2015          path length                   -
    Go registry, older          digest size mediatype         digest length mediatype
    Go registry, 2.8.2, 3.x     digest size mediatype         digest size mediatype
    we                          all five and `writer`         the hash

So a Go registry that deletes a blob leaves a ruin behind: `size` alone, or our
`path` and `length`, which look as the ancestor's did. To answer from a ruin is to
bring a deleted blob back. Hence two rules: `size` counts only beside `digest`, as
it does for Go; and `path` and `length` alone count only without `writer`.

    digest  size  path, length       means
    yes     yes   any                an entry; without a path, that of the distribution's tree
    no      yes   any                a ruin: unknown
    no      no    any, and a writer  a ruin: unknown
    no      no    both               an entry of 2015
    no      no    neither            unknown; a media type alone is a Go registry's late HSETNX
    any other                        corrupt: no hand writes or leaves half of a pair

What the digest says counts only where there is no path. It is another than the
key's where a blob is asked for by sha512: a Go registry keeps it by its sha256.

The set and the scoped hash, when a Go registry deletes: up to 3.0 both stay; 3.1
removes the member and the hash (CVE-2026-35172). In the set are layers, and since
3.0 manifests, too, which nothing in Redis tells apart.

Go's scoped Stat asks the set, then `blobs::<digest>`, then the scoped hash, and
fails if the last is missing; its media type, if not empty, wins. So we write it,
before the membership; it alone claims nothing, for nobody asks it first.

Source: distribution, registry/storage/cache/redis/redis.go, of 2.8.2 and older, 3.0.0, 3.1.0.
Limit: a name with a brace (no name of the OCI grammar has one) can put a key
and its lease into two slots of a cluster, which then refuses to fill or remove it.
"""

from collections.abc import Sequence

from layercache.backends.redis.resp import ReplyFault, public
from layercache.errors import BackendError, CorruptEntryError, InvalidArgumentError, shown
from layercache.meta import DEFAULT_MEDIA_TYPE, LayerMeta, blob_path
from layercache.names import parse_digest
from layercache.validation import LENGTH_BOUND

FIELDS = ("path", "length", "digest", "size", "mediatype", "writer")
WRITER = "layercache"  # says that all the other fields were there

_MOST_DIGITS = len(str(LENGTH_BOUND))
_new = tuple.__new__


class NonsenseError(BackendError):
    """A reply of a shape that no such command has: the connection cannot be trusted any more."""


# ---- keys


def members_key(repo: str) -> str:
    """The set of the digests that *repo* has."""
    return f"repository::{repo}::blobs"


def meta_key(dgst: str) -> str:
    """The hash of what is known of *dgst*."""
    return f"blobs::{dgst}"


def scoped_key(repo: str, dgst: str) -> str:
    """The hash of what *repo* calls *dgst*: a media type."""
    return f"repository::{repo}::blobs::{dgst}"


def member_lease_key(repo: str, dgst: str) -> str:
    """The lease beside the membership of *dgst* in *repo*."""
    return f"{{repository::{repo}::blobs}}::lease::{dgst}"


def meta_lease_key(dgst: str) -> str:
    """The lease beside the meta of *dgst*."""
    return f"{{blobs::{dgst}}}::lease"


def what_changed(key: bytes) -> tuple[str | None, str | None]:
    """What a change of *key* voids: a repository, whose members it has, or a digest, whose meta it is."""
    name = key.decode(errors="surrogateescape")
    if name.startswith("blobs::"):
        return None, name.removeprefix("blobs::")
    if name.startswith("repository::") and name.endswith("::blobs"):
        return name.removeprefix("repository::").removesuffix("::blobs"), None
    return None, None


# ---- replies; an error reply is one too


def unreadable(key: str, reply: object) -> BackendError:
    """What to raise for a *reply* that is not an answer about *key*."""
    if isinstance(reply, ReplyFault):
        return public(reply, key)
    return NonsenseError(f"no answer about {key}: {shown(reply)}")


def to_membership(repo: str, reply: object) -> bool:
    """Read the reply to `member_query`, about *repo*.

    Raises:
        BackendError: It is an error, or no such reply.
    """
    if reply == 1:
        return True
    if reply == 0:
        return False
    raise unreadable(members_key(repo), reply)


def to_memberships(about: tuple[str, Sequence[str]], reply: object) -> list[bool]:
    """Read the reply to `members_query`, *about* its repository and digests.

    Raises:
        BackendError: It is an error, or no such reply.
    """
    repo, dgsts = about
    if not isinstance(reply, list) or len(reply) != len(dgsts):
        raise unreadable(members_key(repo), reply)
    return [to_membership(repo, member) for member in reply]


def to_meta(dgst: str, reply: object) -> LayerMeta | None:
    """Read the reply to `meta_query`, about *dgst*; None if there is no entry, or a partially deleted one.

    Raises:
        CorruptEntryError: There is one that makes no sense.
        BackendError: It is another error, or no such reply.
    """
    fields: list[bytes] = reply  # type: ignore[assignment]  # whatever else it is ends below
    try:
        # As we write it, which is half as dear as to look at everything first.
        path, length, digest, size, media_type, _ = fields
        if digest and path and size == length and size.isdigit() and len(size) < _MOST_DIGITS:
            return _new(LayerMeta, (path.decode(), int(size), media_type.decode()))
    except (AttributeError, RecursionError, TypeError, ValueError):
        pass
    return _to_meta_with_care(dgst, reply)


def _to_meta_with_care(dgst: str, reply: object) -> LayerMeta | None:
    if not isinstance(reply, list) or len(reply) != len(FIELDS):
        raise unreadable(meta_key(dgst), reply)
    path, length, digest, size, media_type, _ = reply
    if digest is None or size is None:
        if not _is_of_2015(dgst, reply):
            return None
        bytes_count = _number(dgst, "length", length)
    else:
        bytes_count = _number(dgst, "size", size)
        if length is not None and length != size:
            raise CorruptEntryError(meta_key(dgst), "length")
    where = _path_in_tree(dgst, digest) if path is None else _text(dgst, "path", path)
    if not where:
        raise CorruptEntryError(meta_key(dgst), "path")
    what = DEFAULT_MEDIA_TYPE if media_type is None else _text(dgst, "mediatype", media_type)
    return LayerMeta(where, bytes_count, what)


def _is_of_2015(dgst: str, fields: list[object]) -> bool:
    """Whether *fields* are an entry of 2015, and not a partially deleted one; the table at the top has the cases."""
    path, length, digest, size, _, writer = fields
    if digest is not None:
        raise CorruptEntryError(meta_key(dgst), "size")
    if size is not None or writer is not None or (path is None and length is None):
        return False
    if path is None or length is None:
        raise CorruptEntryError(meta_key(dgst), "path" if path is None else "length")
    return True


def _number(dgst: str, field: str, value: object) -> int:
    # What int() alone would let through: blanks, signs, underscores.
    if isinstance(value, bytes) and value.isdigit() and len(value) <= _MOST_DIGITS:
        number = int(value)
        if number < LENGTH_BOUND:
            return number
    raise CorruptEntryError(meta_key(dgst), field)


def _text(dgst: str, field: str, value: object) -> str:
    try:
        if isinstance(value, bytes):
            return value.decode()
    except UnicodeDecodeError as error:
        raise CorruptEntryError(meta_key(dgst), field) from error
    raise CorruptEntryError(meta_key(dgst), field)


def _path_in_tree(dgst: str, digest: object) -> str:
    """Where a Go registry keeps the blob; it has a name of its own for one that is asked for by sha512."""
    canonical = _text(dgst, "digest", digest)
    try:
        return blob_path(parse_digest(dgst if canonical == dgst else canonical))
    except InvalidArgumentError as error:
        raise CorruptEntryError(meta_key(dgst), "digest") from error


def to_stat(about: tuple[str, str], replies: object) -> LayerMeta | None:
    """Read the replies to `meta_query` and `member_query`, *about* a repository and a digest; None for a miss.

    Raises:
        BackendError: One is corrupt, an error, or no such reply.
    """
    repo, dgst = about
    assert isinstance(replies, list)
    meta = to_meta(dgst, replies[0])
    return meta if to_membership(repo, replies[1]) else None


def to_stats(about: tuple[str, Sequence[str]], replies: object) -> list[LayerMeta | None]:
    """Read the replies to a `meta_query` for each digest and, last, to `members_query`.

    Raises:
        BackendError: One is corrupt, an error, or no such reply.
    """
    _, dgsts = about
    assert isinstance(replies, list)
    *metas, members = replies
    known = [to_meta(dgst, reply) for dgst, reply in zip(dgsts, metas, strict=True)]
    has = to_memberships(about, members)
    return [meta if is_member else None for meta, is_member in zip(known, has, strict=True)]
