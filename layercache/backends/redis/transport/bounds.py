"""Bounds: what a server may make this process build, looked at before the parser does.

hiredis makes room for all the members that an aggregate announces, as soon as it
reads that: `*1000000000` takes 8 GB, and seconds to give them back. An attribute
(`|`), which a server may send before any reply, it hands out as a list, as if it
were the reply; then each later reply goes to another than who asked. And a reply
has no end until its last byte has come, while all that came is kept.

So each piece that was read is searched for headers, which begin a line:

    *1234567  >1234567   a million members or more: none of our commands has them
    |  ~                 an attribute, a set: none of our commands is answered by one

A header may be cut in two by the network, so the beginning of a line that has
not ended is looked at again with what follows. Text, a path perhaps, may hold a
line that looks like one of these; then the connection ends for nothing.

The search costs 0.1 us for each `stat` of 4, and as good as nothing for a
`contains`. A pattern of all four signs at once would cost ten times that.
"""

import re

MAX_REPLY = 16 * 1024 * 1024  # bytes that may have come of a reply whose end has not
LONGEST_HEADER = 32  # bytes; what is longer is text

_HUGE_ARRAY = re.compile(rb"\*[1-9]\d{6}(?<![^\n].{8})", re.DOTALL)
_HUGE_PUSH = re.compile(rb">[1-9]\d{6}(?<![^\n].{8})", re.DOTALL)
_NO_REPLY = re.compile(rb"(?<![^\n])[|~]\d+\r\n")


class OutOfBoundsError(Exception):
    """What the server sends is not to be built; the text says what it is."""


class Bounds:
    """The bounds of what comes over one connection."""

    def __init__(self) -> None:
        self._size = 0  # of what came since a reply ended
        self._line = b""  # the beginning of one that has not ended

    def check(self, data: bytes) -> None:
        """Look at *data*, the next piece that was read, before it is parsed.

        Raises:
            OutOfBoundsError: It must not be parsed.
        """
        self._size += len(data)
        if self._size > MAX_REPLY:
            raise OutOfBoundsError(f"a reply has more than {MAX_REPLY} bytes")
        if self._line or data[-1:] != b"\n":
            data = self._join(data)
        if _HUGE_ARRAY.search(data) or (b">" in data and _HUGE_PUSH.search(data)):
            raise OutOfBoundsError("a reply or a push announces a million members or more")
        if (b"|" in data or b"~" in data) and _NO_REPLY.search(data):
            raise OutOfBoundsError("an attribute or a set came, where no command is answered by one")

    def _join(self, data: bytes) -> bytes:
        """*data* from the beginning of its first line on; its last line is kept if it has not ended."""
        whole = self._line + data
        line = whole[whole.rfind(b"\n") + 1 :]
        self._line = line if len(line) <= LONGEST_HEADER else b"."  # Whatever it is, it is no header.
        return whole

    def reply_ended(self) -> None:
        """A reply or a push is complete."""
        self._size = 0
