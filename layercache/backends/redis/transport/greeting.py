"""Greeting: what a connection begins with, and what the server must say to it. Pure.

`HELLO 3` is answered by a map that has `proto` 3. Who answers anything else does
not speak RESP3, and would never push: an old server, or a proxy that answers
for a server and speaks to it as it likes.

No message repeats an argument: HELLO carries the password, and Redis quotes the
arguments of a command that it does not know.
"""

from collections.abc import Iterator

from layercache.backends.redis.resp import ReplyFault
from layercache.errors import BackendError

RESP = 3
LIBRARY = "layercache"

Command = tuple[str, ...]

_HELP = f"HELLO {RESP} is needed, which Redis has since 6.0; is there a proxy that has not?"


def session(credentials: Command, name: str, library_version: str, database: int) -> Iterator[Command]:
    """The commands that begin a connection of *credentials*, called *name* if that is not empty."""
    auth = ("AUTH", *credentials) if credentials else ()
    yield ("HELLO", str(RESP), *auth, *(("SETNAME", name) if name else ()))
    yield ("CLIENT", "SETINFO", "LIB-NAME", LIBRARY)
    yield ("CLIENT", "SETINFO", "LIB-VER", library_version)
    if database:
        yield ("SELECT", str(database))


def require_resp3(hello: object) -> object:
    """Return the role that a server tells in *hello*, its answer to HELLO; None if it does not.

    Raises:
        BackendError: It does not speak RESP3.
    """
    fields = hello if isinstance(hello, dict) else {}
    if isinstance(hello, list):  # the map as RESP2 has it
        fields = {
            name: value for name, value in zip(hello[::2], hello[1::2], strict=False) if name == b"proto"
        }
    proto = fields.get(b"proto")
    if isinstance(hello, dict) and proto == RESP:
        return fields.get(b"role")
    told = f"with proto {proto}" if isinstance(proto, int) else "without a proto"
    kind = "map" if isinstance(hello, dict) else type(hello).__name__
    raise BackendError(f"the server answered HELLO by a {kind} {told}; {_HELP}")


def is_harmless(command: Command, fault: ReplyFault) -> bool:
    """Whether a connection is as good without *command*, which the server answered by *fault*."""
    match command:
        case "CLIENT", "SETINFO", *_:  # Since 7.2.
            return True
        case "SCRIPT", "LOAD", *_:  # Forbidden, renamed, or unknown to a proxy: a step brings its text then.
            return not fault.is_passing and "compiling" not in str(fault)
    return False


def refusal(command: Command, fault: ReplyFault, password: str = "") -> ReplyFault:
    """Return *fault* with the name of the *command* that it answers, and without what it quotes of it."""
    text = str(fault).partition(", with args")[0]
    if password and password in text:
        text = f"{fault.code} and a text that quotes the password"
    if command[0] == "HELLO" and (fault.code == "NOPROTO" or "command" in text):
        text += f"; {_HELP}"
    return ReplyFault(f"{text}; in answer to {command[0]}")
