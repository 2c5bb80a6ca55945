"""The processes of a run that work: started, killed and started again, and their logs, read as they grow."""

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from tests.coherence.history import LogReader, Operation, now
from tests.coherence.settings import Settings

ROOT = Path(__file__).parents[2]
ENDING_SECONDS = 30.0


class Worker:
    """One process; each life of a worker is one of these, with a name and a log of its own.

    Attributes:
        place: Where it works; only one at a time does there.
    """

    def __init__(self, settings: Settings, name: str, role: str, place: int, url: str, folder: Path) -> None:
        self.name = name
        self.role = role
        self.place = place
        self.reader = LogReader(folder / f"{name}.log", name)
        command = [sys.executable, "-m", "tests.coherence.worker"]
        self.process = subprocess.Popen(
            [*command, settings.to_json(), name, role, str(place), url, str(folder)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
        )


class Crew:
    """All of them.

    Attributes:
        dead: The names of those that were killed, each with the time by which it was dead,
            in nanoseconds, until somebody takes them out.
    """

    def __init__(self, settings: Settings, urls: Sequence[str], folder: Path) -> None:
        """Have workers in as many places as there are *urls*, each for one; in the last of them it sweeps."""
        self._settings = settings
        self._urls = urls
        self._folder = folder
        self._alive: list[Worker] = []
        self._ended: list[Worker] = []
        self._lives = 0
        self.dead: list[tuple[str, int]] = []

    def start(self) -> None:
        """Start the workers, and one that sweeps."""
        *places, last = range(len(self._urls))
        for place in places:
            self._start("registry", place)
        self._start("sweeper", last)

    def _start(self, role: str, place: int) -> None:
        self._lives += 1
        name = f"{role}-{self._lives}"
        self._alive.append(Worker(self._settings, name, role, place, self._urls[place], self._folder))

    def kill_one(self, chance: Random) -> None:
        """Kill one of them as a crash would, and start another in its place."""
        worker = chance.choice(self._alive)
        self._alive.remove(worker)
        worker.process.kill()
        worker.process.wait()
        self.dead.append((worker.name, now()))
        self._ended.append(worker)
        self._start(worker.role, worker.place)

    def check(self) -> None:
        """Return if all are alive that should be.

        Raises:
            ChildProcessError: One ended by itself; it has told why.
        """
        for worker in self._alive:
            if worker.process.poll() is not None:
                raise ChildProcessError(f"{worker.name} ended with {worker.process.returncode}")

    async def end(self) -> None:
        """Let each do to the end what it is doing."""
        for worker in self._alive:
            worker.process.terminate()
        for worker in self._alive:
            await asyncio.to_thread(worker.process.wait, ENDING_SECONDS)
            # By the signal itself, if it had not got so far as to listen for it.
            if worker.process.returncode not in (0, -signal.SIGTERM):
                raise ChildProcessError(f"{worker.name} ended with {worker.process.returncode}")
        self._ended += self._alive
        self._alive = []

    def kill(self) -> None:
        """Kill all that are left."""
        for worker in self._alive:
            worker.process.kill()
            worker.process.wait()

    def news(self) -> Iterator[Operation]:
        """What their logs have that was not read before, those of the dead included."""
        for worker in [*self._alive, *self._ended]:
            yield from worker.reader.read()

    def tallies(self) -> Counter[str]:
        """What the caches of all told, all lives together; a killed one lost its last half second."""
        total: Counter[str] = Counter()
        for path in self._folder.glob("*.tally"):
            total.update(json.loads(path.read_text()))
        return total
