"""The processes of a run that work: started, killed and started again, and their logs, read as they grow."""

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.coherence.history import LogReader, Operation, now
from tests.coherence.settings import Settings

ROOT = Path(__file__).parents[2]
ENDING_SECONDS = 30.0


class Worker:
    """One process; each life of a worker is one of these, with a name and a log of its own."""

    def __init__(self, settings: Settings, name: str, role: str, url: str, folder: Path) -> None:
        self.name = name
        self.role = role
        self.reader = LogReader(folder / f"{name}.log", name)
        command = [sys.executable, "-m", "tests.coherence.worker"]
        self.process = subprocess.Popen(
            [*command, settings.to_json(), name, role, url, str(folder)], cwd=ROOT, stdin=subprocess.DEVNULL
        )


class Crew:
    """All of them.

    Attributes:
        dead: The names of those that were killed, each with the time by which it was dead,
            in nanoseconds, until somebody takes them out.
    """

    def __init__(self, settings: Settings, url: str, folder: Path) -> None:
        self._settings = settings
        self._url = url
        self._folder = folder
        self._alive: list[Worker] = []
        self._ended: list[Worker] = []
        self._lives = 0
        self.dead: list[tuple[str, int]] = []

    def start(self) -> None:
        """Start the workers, and one that sweeps."""
        for _ in range(self._settings.workers):
            self._start("registry")
        self._start("sweeper")

    def _start(self, role: str) -> None:
        self._lives += 1
        name = f"{role}-{self._lives}"
        self._alive.append(Worker(self._settings, name, role, self._url, self._folder))

    def kill_one(self, chance: Random) -> None:
        """Kill one of them as a crash would, and start another in its place."""
        worker = chance.choice(self._alive)
        self._alive.remove(worker)
        worker.process.kill()
        worker.process.wait()
        self.dead.append((worker.name, now()))
        self._ended.append(worker)
        self._start(worker.role)

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
