"""A process of the run: `python -m tests.coherence.worker SETTINGS NAME ROLE PLACE URL FOLDER`.

It works until it is told to end by SIGTERM, or killed.
"""

import asyncio
import contextlib
import json
import logging
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

from layercache.context import background
from layercache.errors import LayerCacheError
from layercache.events import Observer
from tests.coherence.chooser import Act, Chooser
from tests.coherence.history import Log
from tests.coherence.operations import Hands
from tests.coherence.settings import Settings
from tests.coherence.tree import Pauses, SlowStorage, Tree
from tests.coherence.variants import VARIANTS
from tests.eager import make_eager

TELLING_SECONDS = 0.5
WITNESS_SECONDS = 0.02
WATCHING_SECONDS = 0.01  # between two looks of who does not wait for what comes from far
SWEEPERS_TASKS = 1


class Tally(Observer):
    """Counts what a cache tells of itself."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def hit(self, operation: str) -> None:
        self.counts["hits"] += 1

    def miss(self, operation: str) -> None:
        self.counts["misses"] += 1

    def asked(self, operation: str, seconds: float) -> None:
        self.counts["asked"] += 1

    def filled(self, stored: bool) -> None:
        self.counts["fills" if stored else "refused"] += 1

    def failed(self, operation: str, error: Exception) -> None:
        self.counts["failures"] += 1


def of_a_registry(hands: Hands) -> list[tuple[int, Act]]:
    """What the handlers of a registry do, with weights."""
    return [
        (300, hands.stat),
        (100, hands.open),
        (100, hands.contains),
        (40, hands.stat_many),
        (40, hands.meta),
        (20, hands.confirm),
        (100, hands.recall),
        (25, hands.push),
        (10, hands.push_if_needed),
        (20, hands.mount),
        (15, hands.delete),
        (10, hands.replace),
        (20, hands.mark),
        (60, hands.watch),
    ]


def of_a_sweeper(hands: Hands) -> list[tuple[int, Act]]:
    """What a process outside the registry does."""
    return [(1, hands.sweep), (3, hands.rest)]


ROLES: dict[str, Callable[[Hands], list[tuple[int, Act]]]] = {
    "registry": of_a_registry,
    "sweeper": of_a_sweeper,
}


async def work(settings: Settings, name: str, role: str, place: int, url: str, folder: Path) -> None:
    """Do what the *role* does in a *place*, in the *folder* and with the Redis at *url*."""
    if settings.eager_tasks:
        make_eager(asyncio.get_running_loop())
    chance = Random(f"{settings.seed} {name}")
    variant = VARIANTS[settings.variant]
    tree = Tree(folder / "tree")
    pause = Pauses(chance, settings.slowness if "slow" in settings.faults else 0.001)
    tally = Tally()
    log = Log(folder / f"{name}.log")
    is_over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, is_over.set)
    cache = variant.cache(url)
    async with variant.front(cache, SlowStorage(tree.source(), pause), observer=tally) as front:
        hands = Hands(front, cache, tree, log, chance, pause, place, settings.workers)
        chooser = Chooser(ROLES[role](hands), chance, is_bound="contexts" in settings.faults)
        telling = asyncio.create_task(_tell(tally, folder / f"{name}.tally"))
        beside = [telling, asyncio.create_task(_witness(hands)), asyncio.create_task(_watch(hands))]
        count = settings.tasks if role == "registry" else SWEEPERS_TASKS
        async with asyncio.TaskGroup() as tasks:
            for _ in range(count):
                tasks.create_task(chooser.go_on(background(), is_over.is_set))
        for task in beside:
            task.cancel()
        await asyncio.wait(beside)
        _write(tally, folder / f"{name}.tally")
    log.close()


async def _tell(tally: Tally, path: Path) -> None:
    while True:
        # A worker may be killed at any time, and tells nobody before: then its last tally counts.
        await asyncio.sleep(TELLING_SECONDS)
        _write(tally, path)


async def _witness(hands: Hands) -> None:
    while True:
        with contextlib.suppress(LayerCacheError):
            await hands.witness(background())
        await asyncio.sleep(WITNESS_SECONDS)  # How finely the age of an answer can be told.


async def _watch(hands: Hands) -> None:
    """Go on looking where all others wait, since Redis says nothing."""
    while True:
        for act in (hands.watch, hands.recall):
            with contextlib.suppress(LayerCacheError), background().with_timeout(WATCHING_SECONDS) as ctx:
                await act(ctx)
        await asyncio.sleep(WATCHING_SECONDS)  # More would be a load, and change what is watched.


def _write(tally: Tally, path: Path) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(tally.counts))
    draft.replace(path)


if __name__ == "__main__":
    logging.getLogger("layercache").propagate = False
    logging.getLogger("layercache").addHandler(logging.NullHandler())
    given, name, role, place, url, folder = sys.argv[1:]
    asyncio.run(work(Settings.from_json(given), name, role, int(place), url, Path(folder)))
