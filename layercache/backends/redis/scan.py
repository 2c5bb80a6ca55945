"""The walk of all that a Redis knows of layers, while others go on writing to it.

SCAN finds the keys, a thousand at a time; what they hold is asked for in one
burst. Nothing is kept but that.

A key is ours if it has the form of one of ours and what it holds answers a
question of the contract. If it does not, it is corrupt, unless its name is none
by the grammar: then somebody else has put it there. So is a name that the
contract lets nobody ask for, but among the members of a repository it is corrupt.

SCAN promises to tell each key that was there all the time, but a cursor means
something only to the server process that gave it:

    1  SCAN 0 -> 1536
    2  the server is restarted, and orders its keys anew
    3  SCAN 1536 -> the end         <- what lies before it now was never told

So each burst asks who answers, and when that is another, the walk begins anew.

Source: redis.io, "SCAN", "Scan guarantees"; the seed of the order is drawn in
`main` of server.c.
Limit: one server.
"""

import re
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import NamedTuple

from layercache.backend import Batch, CorruptKey
from layercache.backends.redis import schema
from layercache.backends.redis.commands import Command, meta_query
from layercache.backends.redis.exchange import Exchange, retry_once
from layercache.backends.redis.resp import pack
from layercache.context import Context
from layercache.errors import CorruptEntryError, InvalidArgumentError, shown
from layercache.meta import LayerMeta
from layercache.names import MAX_REPOSITORY_LENGTH, parse_digest, parse_repository
from layercache.validation import require_half, require_keys

COUNT = 1_000  # keys, or members, that a server looks at before it looks after others again
SETS = 16  # that are read in one burst

_VISIBLE = bytes(range(0x21, 0x7F))
_WHO = pack("INFO", "server")
_RUN_ID = re.compile(rb"run_id:(\w+)")

_DISCARD = "return redis.call('TYPE', KEYS[1]).ok ~= 'set' and redis.call('DEL', KEYS[1]) or 0"


class _AnotherServerError(Exception):
    """The server that answers is not the one with which the walk began."""


async def scan(ctx: Context, exchange: Exchange) -> AsyncIterator[Batch]:
    """Tell all that is known; see `LayerInfoCache.scan`."""
    while True:
        try:
            async for batch in _Walk(exchange).batches(ctx):
                yield batch
        except _AnotherServerError:
            continue
        return


async def list_repository(ctx: Context, exchange: Exchange, repo: str) -> AsyncIterator[Sequence[str]]:
    """Tell the digests of *repo*; see `LayerInfoCache.list_repository`."""
    while True:
        try:
            async for batch in _Walk(exchange).members(ctx, [repo]):
                yield [dgst for _, dgst in batch.members]
        except _AnotherServerError:
            continue
        return


async def discard(ctx: Context, exchange: Exchange, repo: str) -> bool:
    """Drop what lies in the place of the members of *repo* if it is no set; whether it was dropped."""
    key = schema.members_key(repo)
    command = Command(key, ("EVAL", _DISCARD, "1", key))
    return await retry_once(lambda: exchange.send(ctx, [command])) == [1]


class _Walk:
    """One walk of one server."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._server: bytes | None = None

    async def batches(self, ctx: Context) -> AsyncIterator[Batch]:
        cursor = "0"
        while True:
            [reply] = await self._burst(ctx, [pack("SCAN", cursor, "MATCH", "*blobs*", "COUNT", COUNT)])
            cursor, names = _page("SCAN", reply)
            keys = _sorted_out(names)
            if keys.dgsts or keys.traces:
                yield _batch(keys, await self._burst(ctx, list(_queries(keys))))
            async for batch in self.members(ctx, keys.repos):
                yield batch
            if cursor == "0":
                return

    async def members(self, ctx: Context, repos: Iterable[str]) -> AsyncIterator[Batch]:
        open_sets = deque((repo, "0") for repo in repos)
        while open_sets:
            some = [open_sets.popleft() for _ in range(min(SETS, len(open_sets)))]
            scans = [pack("SSCAN", schema.members_key(repo), cursor, "COUNT", COUNT) for repo, cursor in some]
            for (repo, _), reply in zip(some, await self._burst(ctx, scans), strict=True):
                key = schema.members_key(repo)
                try:
                    cursor, members = _page(key, reply)
                except CorruptEntryError:
                    yield Batch(corrupt=list(_ours(CorruptKey(key, "", repo, None))))
                    continue
                yield _members_batch(repo, members)
                if cursor != "0":
                    open_sets.append((repo, cursor))

    async def _burst(self, ctx: Context, commands: Sequence[str]) -> list[object]:
        text = _WHO + "".join(commands)
        server, *replies = await self._exchange.ask(ctx, text, 1 + len(commands), _replies, 1 + len(commands))
        run_id = _run_id(server)
        if self._server is None:
            self._server = run_id
        if self._server != run_id:
            raise _AnotherServerError
        return replies


class _Keys(NamedTuple):
    """Keys that have the form of ours, by what they are about."""

    repos: list[str]
    dgsts: list[str]
    traces: list[tuple[str, str]]


def _sorted_out(names: Sequence[bytes]) -> _Keys:
    keys = _Keys([], [], [])
    are_plain = _are_plain(names)
    for words in (_text(name).split("::") for name in names):
        match words:
            case ["blobs", dgst] if dgst and (are_plain or _can_be_asked(None, dgst)):
                keys.dgsts.append(dgst)
            case ["repository", repo, "blobs"] if repo and (are_plain or _can_be_asked(repo)):
                keys.repos.append(repo)
            case ["repository", repo, "blobs", dgst] if all(words) and (
                are_plain or _can_be_asked(repo, dgst)
            ):
                keys.traces.append((repo, dgst))
    return keys


def _queries(keys: _Keys) -> Iterator[str]:
    yield from map(meta_query, keys.dgsts)
    for repo, dgst in keys.traces:
        key = schema.scoped_key(repo, dgst)
        yield f"*2\r\n$4\r\nHLEN\r\n${len(key.encode())}\r\n{key}\r\n"


def _batch(keys: _Keys, replies: list[object]) -> Batch:
    metas: list[tuple[str, LayerMeta]] = []
    traces: list[tuple[str, str]] = []
    corrupt: list[CorruptKey] = []
    split = len(keys.dgsts)
    for dgst, reply in zip(keys.dgsts, replies[:split], strict=True):
        try:
            meta = schema.to_meta(dgst, reply)
        except CorruptEntryError as error:
            corrupt += _ours(CorruptKey(error.key, error.field, None, dgst))
            continue
        if meta is not None:  # None: it is gone by now, or partially deleted
            metas.append((dgst, meta))
    for trace, reply in zip(keys.traces, replies[split:], strict=True):
        try:
            if _has_fields(trace, reply):
                traces.append(trace)
        except CorruptEntryError as error:
            corrupt += _ours(CorruptKey(error.key, error.field, *trace))
    return Batch(metas=metas, traces=traces, corrupt=corrupt)


def _members_batch(repo: str, members: Sequence[bytes]) -> Batch:
    if all(members) and _are_plain(members) and b"::" not in b"\n".join(members):
        return Batch(members=[(repo, member.decode()) for member in members])
    pairs: list[tuple[str, str]] = []
    corrupt: list[CorruptKey] = []
    for member in members:
        dgst = _text(member)
        if _can_be_asked(None, dgst):
            pairs.append((repo, dgst))
        else:
            corrupt.append(CorruptKey(schema.members_key(repo), shown(member), repo, None))
    return Batch(members=pairs, corrupt=corrupt)


# ---- names


def _are_plain(names: Sequence[bytes]) -> bool:
    """Whether all of *names* are short and of visible ASCII; one look at a page, not one at each."""
    is_visible = not b"".join(names).translate(None, _VISIBLE)
    return is_visible and max(map(len, names), default=0) <= MAX_REPOSITORY_LENGTH


def _text(name: bytes) -> str:
    """*name* as text; empty, which nobody can ask for, if it is none."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        return ""


def _can_be_asked(repo: str | None, dgst: str | None = None) -> bool:
    """Whether the contract lets somebody ask for it."""
    try:
        if dgst is not None:
            require_half(repo, dgst)
        elif repo is not None:
            require_keys(repo, ())
    except InvalidArgumentError:
        return False
    return True


def _ours(corrupt: CorruptKey) -> Iterator[CorruptKey]:
    """*corrupt*, unless it has a name that no registry gives."""
    try:
        if corrupt.repo is not None:
            parse_repository(corrupt.repo)
        if corrupt.dgst is not None:
            parse_digest(corrupt.dgst)
    except InvalidArgumentError:
        return
    yield corrupt


# ---- replies


def _replies(count: int, reply: object) -> list[object]:
    if not isinstance(reply, list) or len(reply) != count:
        raise schema.unreadable("a scan", reply)
    return reply


def _run_id(reply: object) -> bytes:
    found = _RUN_ID.search(reply) if isinstance(reply, bytes) else None
    if found is None:
        raise schema.unreadable("the server", reply)
    return found[1]


def _page(key: str, reply: object) -> tuple[str, list[bytes]]:
    match reply:
        case [bytes(cursor), list(found)] if all(type(one) is bytes for one in found):
            return cursor.decode(), found
    raise schema.unreadable(key, reply)


def _has_fields(trace: tuple[str, str], reply: object) -> bool:
    if type(reply) is int:
        return reply > 0
    raise schema.unreadable(schema.scoped_key(*trace), reply)
