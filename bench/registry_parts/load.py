"""Load on a registry by Debian's hey. One of it asks for one blob, so there are several.

Not wrk and not h2load: they wait for the body that the answer to a HEAD announces and does not have.
"""

import csv
import shutil
import subprocess
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

MOST_PROGRAMS = 8


class Outcome(NamedTuple):
    """What a load run showed.

    Attributes:
        rate: Requests answered per second.
        median: Of the times that they took, in milliseconds.
        p99: The 99th of a hundred of these times.
        answers: How many there were.
    """

    rate: float
    median: float
    p99: float
    answers: int


def require_hey() -> None:
    """Exit if it is not installed."""
    if shutil.which("hey") is None:
        raise SystemExit("The load comes from Debian's package hey, which is not installed.")


def load(port: int, paths: Sequence[str], clients: int, seconds: float) -> Outcome:
    """Have *clients* send HEAD requests for some of *paths*, for so many *seconds*."""
    count = min(clients, MOST_PROGRAMS)
    chosen = Random(clients).sample(paths, count)
    programs = [
        _start(port, path, clients // count + (number < clients % count), seconds)
        for number, path in enumerate(chosen)
    ]
    times = sorted(spent for program in programs for spent in _times(program))
    return Outcome(
        len(times) / seconds, times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000, len(times)
    )


def _start(port: int, path: str, clients: int, seconds: float) -> "subprocess.Popen[str]":
    command = ["hey", "-m", "HEAD", "-z", f"{seconds}s", "-c", str(clients), "-o", "csv"]
    return subprocess.Popen([*command, f"http://127.0.0.1:{port}{path}"], stdout=subprocess.PIPE, text=True)


def _times(program: "subprocess.Popen[str]") -> list[float]:
    """The seconds that each of its requests took."""
    answers = list(csv.DictReader(program.communicate()[0].splitlines()))
    assert {answer["status-code"] for answer in answers} == {"200"}
    return [float(answer["response-time"]) for answer in answers]
