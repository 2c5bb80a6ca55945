"""The commands that the cache sends: RESP, whose lengths count bytes of UTF-8.

Those that reads send are put together by hand, as text: the text of one turn of
the loop is encoded once, and a `stat` costs half of what packing its commands
into bytes does (260 ns of 590). The others are words, from which the scripts make theirs.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from layercache.backends.redis.resp import pack
from layercache.backends.redis.schema import FIELDS, WRITER, members_key, meta_key, scoped_key
from layercache.meta import LayerMeta


class Command(NamedTuple):
    """A command in words, and the key that it is about.

    Attributes:
        reply: What it is answered by: a number, or bytes, or nil in their place.
    """

    key: str
    words: tuple[str, ...]
    reply: type[int] | type[bytes] = int

    @property
    def text(self) -> str:
        """The command as RESP."""
        return pack(*self.words)


# ---- queries; what stands around the names depends on their lengths, and is formatted once for each


# Joined, since an f-string asks a Digest how it is formatted: 50 ns of 270.
# ruff: noqa: FLY002

FRAMES = 1_024  # pairs of lengths; a registry has some dozens

_META_TAIL = "".join(f"${len(field)}\r\n{field}\r\n" for field in FIELDS)


def meta_query(dgst: str) -> str:
    """Ask for all fields of the meta; see `to_meta`."""
    before, after = _meta_frame(len(dgst) if dgst.isascii() else len(dgst.encode()))
    return "".join((before, dgst, after))


def member_query(repo: str, dgst: str) -> str:
    """Ask whether *repo* has *dgst*; see `to_membership`."""
    repo_size = len(repo) if repo.isascii() else len(repo.encode())
    size = len(dgst) if dgst.isascii() else len(dgst.encode())
    before, between = _member_frame(repo_size, size)
    return "".join((before, repo, between, dgst, "\r\n"))


def stat_query(repo: str, dgst: str) -> str:
    """Ask for the meta, and then whether *repo* has *dgst*, two commands; see `to_stat`."""
    repo_size = len(repo) if repo.isascii() else len(repo.encode())
    size = len(dgst) if dgst.isascii() else len(dgst.encode())
    before, middle, between = _stat_frame(repo_size, size)
    return "".join((before, dgst, middle, repo, between, dgst, "\r\n"))


@lru_cache(FRAMES)
def _meta_frame(size: int) -> tuple[str, str]:
    return f"*8\r\n$5\r\nHMGET\r\n${size + 7}\r\nblobs::", f"\r\n{_META_TAIL}"


@lru_cache(FRAMES)
def _member_frame(repo_size: int, size: int) -> tuple[str, str]:
    return f"*3\r\n$9\r\nSISMEMBER\r\n${repo_size + 19}\r\nrepository::", f"::blobs\r\n${size}\r\n"


@lru_cache(FRAMES)
def _stat_frame(repo_size: int, size: int) -> tuple[str, str, str]:
    (before, after), (again, between) = _meta_frame(size), _member_frame(repo_size, size)
    return before, after + again, between


def members_query(repo: str, dgsts: Sequence[str]) -> str:
    """Ask which of *dgsts*, one at least, *repo* has; see `to_memberships`."""
    return pack("SMISMEMBER", members_key(repo), *dgsts)


def stats_query(repo: str, dgsts: Sequence[str]) -> str:
    """Ask for the meta of each of *dgsts*, and then which of them *repo* has; see `to_stats`."""
    return "".join(map(meta_query, dgsts)) + members_query(repo, dgsts)


# ---- changes


def store_member(repo: str, dgst: str) -> Command:
    """Remember that *repo* has *dgst*."""
    key = members_key(repo)
    return Command(key, ("SADD", key, dgst))


def clear_member(repo: str, dgst: str) -> Command:
    """Forget that *repo* has *dgst*."""
    key = members_key(repo)
    return Command(key, ("SREM", key, dgst))


def store_meta(dgst: str, meta: LayerMeta) -> Command:
    """Remember *meta*: both generations of fields, and ours."""
    key = meta_key(dgst)
    path, length, media_type = meta
    values = (path, str(length), dgst, str(length), media_type, WRITER)
    return Command(key, ("HSET", key, *chain.from_iterable(zip(FIELDS, values, strict=True))))


def clear_meta(dgst: str) -> Command:
    """Forget the meta of *dgst*."""
    key = meta_key(dgst)
    return Command(key, ("DEL", key))


def store_scoped(repo: str, dgst: str, media_type: str) -> Command:
    """Remember what *repo* calls *dgst*."""
    key = scoped_key(repo, dgst)
    return Command(key, ("HSET", key, "mediatype", media_type))


def open_scoped(repo: str, dgst: str) -> Command:
    """Let there be a scoped hash; a new one has an empty media type, which wins over none."""
    key = scoped_key(repo, dgst)
    return Command(key, ("HSETNX", key, "mediatype", ""))


def clear_scoped(repo: str, dgst: str) -> Command:
    """Forget what *repo* calls *dgst*."""
    key = scoped_key(repo, dgst)
    return Command(key, ("DEL", key))


def expire(key: str, milliseconds: int) -> Command:
    """Let *key* end so many *milliseconds* from now."""
    return Command(key, ("PEXPIRE", key, str(milliseconds)))
