"""What a run is told, by its command line or by a test; its workers get the same as JSON."""

import json
from dataclasses import asdict, dataclass
from typing import Self

# What the conductor does, and seconds between two of a kind, on average.
CONDUCTED_FAULTS = {
    "crash": 5.0,
    "restart": 6.0,
    "stop": 6.0,
    "flush": 4.0,
    "cut": 3.0,
    "evict": 0.4,
    "delay": 3.0,
}
# What each worker does to its own operations.
OWN_FAULTS = ("contexts", "slow")
FAULTS = (*CONDUCTED_FAULTS, *OWN_FAULTS)

# What a Redis that was killed comes back with: nothing; all that it had acknowledged; all that
# it had given to the kernel, which survives it; what was on the disk when the machine went too.
_EVERY_SECOND = ["--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0"]
PERSISTENCE = {
    "none": [],
    "always": ["--appendonly", "yes", "--appendfsync", "always"],
    "everysec": _EVERY_SECOND,
    "power-cut": _EVERY_SECOND,
}


MOST_WORKERS = 16


@dataclass(frozen=True)
class Settings:
    """One run.

    Attributes:
        seconds: How long.
        seed: Of every choice; what comes of them depends on the machine, too.
        workers: How many processes push, delete and read, up to `MOST_WORKERS`; one more sweeps.
        tasks: How many operations each of them has under way.
        variant: One of `VARIANTS`.
        faults: Some of `FAULTS`.
        persistence: One of `PERSISTENCE`.
        slowness: Seconds that a slow storage may take for one question.
        until_caught: Whether to end when the variant is caught.
        eager_tasks: Whether a worker's tasks run at once until they first wait (Python 3.12).
    """

    seconds: float
    seed: int = 0
    workers: int = 4
    tasks: int = 64
    variant: str = "ours"
    faults: tuple[str, ...] = FAULTS
    persistence: str = "none"
    slowness: float = 0.5
    until_caught: bool = False
    eager_tasks: bool = False

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The settings that `to_json` made *text* of."""
        fields = json.loads(text)
        return cls(**fields | {"faults": tuple(fields["faults"])})

    def to_json(self) -> str:
        """All of them, for a worker's command line."""
        return json.dumps(asdict(self))
