"""The few steps that must not be parted: each a Lua script that a server runs whole.

A step works on one half of a layer, its membership or its meta: the half's key
and the lease beside it, which lie in one cluster slot. What is stored or cleared
there comes as the words of a command, so five scripts serve both halves.

    lease   what lies in the lease's place, a new token if nothing does; nil for a marker
    fill    store, if the token lies there, and drop it
    clear   clear, and drop a token, or the marker that is named, but no hold
    close   clear, and place a marker, whatever lay there; a hold stays under it
    hold    clear, and place a hold, whatever lay there

A marker begins with `closing:`, which no token does. In the same place lies a hold,
which has an end of its own, in milliseconds of the server's clock:

    closing:<marker>         a bracket is under way
    closing:<marker>:<end>   a bracket is under way, and until then there is a hold
    closing::<end>           there is a hold until then

So a process that knows of no holds, of an older version, gives no lease under one
either. But its `close` replaces one, and then its bracket ends it.

Every place of a lease expires by itself. What somebody else put there is dropped
by the next removal, even if it is no string.

Clearing comes first in `clear`, `close` and `hold`, for a server at its `maxmemory`
refuses to write what is new, but not once a script has written: so a removal can
be announced there. In `fill` storing comes first, so that it is refused, whole.

A connection begins by loading all five; a step names its script by digest. A
server that has lost it meanwhile (SCRIPT FLUSH, a restart, another master)
answers NOSCRIPT, and is sent the step once more with the text of the script.

Redis before 7 reports the failure of a command in a script in words of its own,
from which `without_wrapping` takes the command's.

Source: redis.io, "Scripting with Lua" and the commands' pages; the behaviour at
`maxmemory` is `scriptCall` in src/script.c, tried on Redis 6.2 to 8 and Valkey 9.
"""

import re
from hashlib import sha1
from secrets import token_hex
from typing import NamedTuple

from layercache.backends.redis.commands import Command, clear_member, clear_meta
from layercache.backends.redis.resp import ReplyFault
from layercache.backends.redis.schema import member_lease_key, meta_lease_key, unreadable
from layercache.errors import CorruptEntryError

MARKER = "closing:"
TOKEN_BYTES = 16  # each two hexadecimal digits

_WRAPPED = re.compile(r"ERR Error running script .*@user_script: ?\d+: -?([A-Z]+ .*)", re.DOTALL)


class Script(NamedTuple):
    """A Lua text, and the name that a server gives it."""

    text: str
    sha: str

    @classmethod
    def of(cls, text: str) -> "Script":
        """The script that *text* is."""
        return cls(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


LEASE = Script.of("""
local held = redis.call('GET', KEYS[1])
if not held then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    return ARGV[1]
end
return string.sub(held, 1, 8) ~= 'closing:' and held
""")

FILL = Script.of("""
if redis.pcall('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call(ARGV[3], KEYS[1], unpack(ARGV, 4))
if ARGV[2] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
redis.call('DEL', KEYS[2])
return 1
""")

# What lies in the lease's place, whether that is no string, and the end of the hold in it.
_HELD = """
local held = redis.pcall('GET', KEYS[2])
local failed = type(held) == 'table'
if failed and not string.find(held.err, 'WRONGTYPE') then return held end
local hold = not failed and held and string.match(held, '^closing:%x*:(%d+)$')
"""

CLEAR = Script.of(f"""
redis.call(ARGV[2], KEYS[1], unpack(ARGV, 3))
{_HELD}
if failed or held == ARGV[1] or held and string.sub(held, 1, 8) ~= 'closing:' then
    redis.call('DEL', KEYS[2])
elseif hold and held == ARGV[1] .. ':' .. hold then
    redis.call('SET', KEYS[2], 'closing::' .. hold, 'PXAT', hold)
end
return 1
""")

CLOSE = Script.of(f"""
redis.call(ARGV[3], KEYS[1], unpack(ARGV, 4))
{_HELD}
local marker, life = ARGV[1], tonumber(ARGV[2])
if hold then
    local now = redis.call('TIME')
    marker = marker .. ':' .. hold
    life = math.max(life, hold - now[1] * 1000 - math.floor(now[2] / 1000))
end
redis.call('SET', KEYS[2], marker, 'PX', life)
return 1
""")

HOLD = Script.of(f"""
redis.call(ARGV[2], KEYS[1], unpack(ARGV, 3))
{_HELD}
local now = redis.call('TIME')
local new = now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[1]
hold = string.format('%.0f', math.max(new, hold or 0))
redis.call('SET', KEYS[2], 'closing::' .. hold, 'PXAT', hold)
return 1
""")

_TEXTS = {script.sha: script.text for script in (LEASE, FILL, CLEAR, CLOSE, HOLD)}

# What a connection is to be greeted with; one that was not is sent the texts when it needs them.
LOADING = tuple(("SCRIPT", "LOAD", text) for text in _TEXTS.values())


class Half(NamedTuple):
    """One of the two things that are known of a layer.

    Attributes:
        lease: The key of the lease beside it.
        clear: The command that clears it.
    """

    lease: str
    clear: Command


def membership(repo: str, dgst: str) -> Half:
    """That *repo* has *dgst*."""
    return Half(member_lease_key(repo, dgst), clear_member(repo, dgst))


def meta_of(dgst: str) -> Half:
    """Where *dgst* lies."""
    return Half(meta_lease_key(dgst), clear_meta(dgst))


def new_token() -> str:
    """A token that nobody has had."""
    return token_hex(TOKEN_BYTES)


def new_marker() -> str:
    """A closing marker that nobody has had."""
    return MARKER + token_hex(TOKEN_BYTES)


def lease(half: Half, token: str, milliseconds: int) -> Command:
    """Ask for the token beside *half*, which is *token* if there is none; None under a marker."""
    return _step(LEASE, (half.lease,), token, str(milliseconds))._replace(reply=bytes)


def fill(half: Half, token: str, store: Command, milliseconds: int) -> Command:
    """Carry *store* out if *token* lies beside *half*: 1 if so, else 0.

    The key of *half* then ends after so many *milliseconds*; 0: when it did before.
    """
    return _step(FILL, (store.key, half.lease), token, str(milliseconds), *_without_key(store))


def clear(half: Half, marker: str = "") -> Command:
    """Clear *half* and drop the token beside it, or the marker if it is *marker*."""
    return _step(CLEAR, (half.clear.key, half.lease), marker, *_without_key(half.clear))


def close(half: Half, marker: str, milliseconds: int) -> Command:
    """Clear *half* and place *marker* beside it, for so many *milliseconds*."""
    keys = half.clear.key, half.lease
    return _step(CLOSE, keys, marker, str(milliseconds), *_without_key(half.clear))


def hold(half: Half, milliseconds: int) -> Command:
    """Clear *half* and place a hold beside it, for so many *milliseconds* at least."""
    keys = half.clear.key, half.lease
    return _step(HOLD, keys, str(milliseconds), *_without_key(half.clear))


def _step(script: Script, keys: tuple[str, ...], *arguments: str) -> Command:
    return Command(keys[0], ("EVALSHA", script.sha, str(len(keys)), *keys, *arguments))


def _without_key(command: Command) -> tuple[str, ...]:
    name, _, *rest = command.words
    return name, *rest


def with_text(step: Command) -> Command:
    """The same *step* for a server that does not have its script."""
    _, sha, *rest = step.words
    return step._replace(words=("EVAL", _TEXTS[sha], *rest))


def to_token(half: Half, reply: object) -> str | None:
    """Read the reply to `lease`.

    Raises:
        BackendError: What lies in the lease's place is no token.
    """
    if reply is None:
        return None
    if isinstance(reply, bytes) and len(reply) == 2 * TOKEN_BYTES and reply.isalnum():
        return reply.decode()
    raise CorruptEntryError(half.lease) if isinstance(reply, bytes) else unreadable(half.lease, reply)


def without_wrapping(fault: ReplyFault) -> ReplyFault:
    """The failure of the command that failed in a script, if *fault* is about one."""
    found = _WRAPPED.match(str(fault))
    return ReplyFault(found[1]) if found else fault
