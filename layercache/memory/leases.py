"""Tokens and closing markers, beside each half of what could be known.

What they are for is told in `layercache/cache.py`. A token is bound in number
and in time, since who took it may never come back; to lose one costs a miss. A
marker stands for a bracket that is running, which will end: it is never lost.
"""

import secrets
from collections import OrderedDict
from typing import NamedTuple

from layercache.memory.expiry import Clock

LEASE_SECONDS = 30.0  # Longer than any storage is asked.
MOST_TOKENS = 65_536  # Two for each layer that is being asked for; about 27 MB.

Half = tuple[str | None, str]  # A repository and a digest, or None and a digest for the meta.


class Token(NamedTuple):
    """What lies beside a half until it is filled, cleared, or too old."""

    value: str
    end: float


class Leases:
    """The tokens and markers, each operation in one step."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens: OrderedDict[Half, Token] = OrderedDict()  # The first ends first.
        self._markers: dict[Half, str] = {}

    def __len__(self) -> int:
        return len(self._tokens) + len(self._markers)

    def is_closing(self, half: Half) -> bool:
        """Whether a marker lies there, so that no token is to be given."""
        return half in self._markers

    def token(self, half: Half) -> str:
        """The token that lies beside *half*, a new one if there is none."""
        self._drop_ended()
        token = self._tokens.get(half)
        if token is None:
            if len(self._tokens) >= MOST_TOKENS:
                self._tokens.popitem(last=False)
            token = self._tokens[half] = Token(_secret(), self._clock() + LEASE_SECONDS)
        return token.value

    def redeem(self, half: Half, value: str) -> bool:
        """Drop the token beside *half* if it is *value*; whether it was."""
        self._drop_ended()
        token = self._tokens.get(half)
        if token is None or token.value != value:
            return False
        del self._tokens[half]
        return True

    def void(self, half: Half) -> None:
        """Drop the token beside *half*; a marker stays."""
        self._tokens.pop(half, None)

    def close(self, half: Half) -> str:
        """Put a new marker in the place of whatever lies beside *half*, and return it."""
        self.void(half)
        marker = self._markers[half] = _secret()
        return marker

    def reopen(self, half: Half, marker: str) -> None:
        """Drop the token beside *half*, or the marker if it is *marker*."""
        self.void(half)
        if self._markers.get(half) == marker:
            del self._markers[half]

    def _drop_ended(self) -> None:
        now = self._clock()
        while self._tokens and next(iter(self._tokens.values())).end <= now:
            self._tokens.popitem(last=False)


def _secret() -> str:
    return secrets.token_hex(8)  # Of 64 bits: two never meet.
