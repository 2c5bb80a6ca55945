"""Tokens, closing markers and holds, beside each half of what could be known.

What they are for is told in `layercache/cache.py` and `brackets.py`. A token is
bound in number and in time, since who took it may never come back; to lose one
costs a miss. A marker stands for a bracket that is running, which will end: it is
never lost. A hold is bound in time, and may not be lost before: when there are too
many, the oldest is given up, and until its end everything is held.
"""

import math
import secrets
from collections import OrderedDict
from typing import NamedTuple

from layercache.backends.memory.expiry import Clock
from layercache.removal import HOLD_SECONDS

LEASE_SECONDS = 30.0  # Longer than any storage is asked.
MOST_TOKENS = 65_536  # Two for each layer that is being asked for; about 27 MB.
MOST_HOLDS = 65_536  # A thousand interrupted removals in each second, if a hold lasts a minute.

Half = tuple[str | None, str]  # A repository and a digest, or None and a digest for the meta.


class Token(NamedTuple):
    """What lies beside a half until it is filled, cleared, or too old."""

    value: str
    end: float


class Leases:
    """The tokens and markers, each operation in one step."""

    def __init__(self, clock: Clock, closing_seconds: float = HOLD_SECONDS) -> None:
        """Hold for so many *closing_seconds* on *clock*."""
        self._clock = clock
        self._closing_seconds = closing_seconds
        self._tokens: OrderedDict[Half, Token] = OrderedDict()  # The first ends first.
        self._markers: dict[Half, str] = {}
        self._holds: OrderedDict[Half, float] = OrderedDict()  # When each ends; the first ends first.
        self._all_held_until = -math.inf

    def clear(self) -> None:
        """Drop everything, the markers and the holds too."""
        self._tokens.clear()
        self._markers.clear()
        self._holds.clear()
        self._all_held_until = -math.inf

    def __len__(self) -> int:
        return len(self._tokens) + len(self._markers) + len(self._holds)

    def is_closing(self, half: Half) -> bool:
        """Whether a marker or a hold lies there, so that no token is to be given."""
        self._drop_ended()
        return half in self._markers or half in self._holds or self._clock() < self._all_held_until

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

    def hold(self, half: Half, marker: str) -> None:
        """Do as `reopen` does, and place a hold, which lasts from now on."""
        self.reopen(half, marker)
        self._drop_ended()
        self._holds.pop(half, None)
        if len(self._holds) >= MOST_HOLDS:
            _, self._all_held_until = self._holds.popitem(last=False)
        self._holds[half] = self._clock() + self._closing_seconds

    def _drop_ended(self) -> None:
        now = self._clock()
        while self._tokens and next(iter(self._tokens.values())).end <= now:
            self._tokens.popitem(last=False)
        while self._holds and next(iter(self._holds.values())) <= now:
            self._holds.popitem(last=False)


def _secret() -> str:
    return secrets.token_hex(8)  # Of 64 bits: two never meet.
