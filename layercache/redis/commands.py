"""The commands that the cache sends: RESP, whose lengths count bytes of UTF-8.

Those that reads send are formatted by hand, as text: the text of one turn of the
loop is joined and encoded once, and a command costs a third of what packing it
into bytes does. The others are words, from which the scripts make theirs.
"""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

from layercache.meta import LayerMeta
from layercache.redis.schema import FIELDS, WRITER, members_key, meta_key, scoped_key
from layercache.redis.wire import pack


class Command(NamedTuple):
    """A command in words, and the key that it is about."""

    key: str
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """The command as RESP."""
        return pack(*self.words)


# ---- queries


_META_TAIL = "".join(f"${len(field)}\r\n{field}\r\n" for field in FIELDS)


# `!s` costs a str nothing, and keeps format() from asking a Digest how it is formatted.
def meta_query(dgst: str) -> str:
    """Ask for all fields of the meta; see `to_meta`."""
    size = len(dgst) if dgst.isascii() else len(dgst.encode())
    return f"*8\r\n$5\r\nHMGET\r\n${size + 7}\r\nblobs::{dgst!s}\r\n{_META_TAIL}"


def member_query(repo: str, dgst: str) -> str:
    """Ask whether *repo* has *dgst*; see `to_membership`."""
    repo_size = len(repo) if repo.isascii() else len(repo.encode())
    size = len(dgst) if dgst.isascii() else len(dgst.encode())
    return (
        f"*3\r\n$9\r\nSISMEMBER\r\n${repo_size + 19}\r\nrepository::{repo!s}::blobs\r\n"
        f"${size}\r\n{dgst!s}\r\n"
    )


def members_query(repo: str, dgsts: Sequence[str]) -> str:
    """Ask which of *dgsts*, one at least, *repo* has; see `to_memberships`."""
    return pack("SMISMEMBER", members_key(repo), *dgsts)


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
