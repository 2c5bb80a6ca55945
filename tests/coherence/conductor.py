"""The conductor: starts all that a run is made of, lets faults befall it, and reads the logs as they grow."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from layercache.context import background
from layercache.readthrough import ReadThroughCache
from layercache.redis.cache import RedisCache
from tests.coherence.checker import Checker
from tests.coherence.crew import Crew
from tests.coherence.faults import Faults
from tests.coherence.history import Log, LogReader, Operation, Outcome, now
from tests.coherence.operations import Hands
from tests.coherence.report import SECOND, Report
from tests.coherence.settings import PERSISTENCE, Settings
from tests.coherence.tree import Pauses, Tree
from tests.coherence.variants import VARIANTS
from tests.redis.proxy import Proxy
from tests.servers import RedisServer, find_servers, running

LOOKING_SECONDS = 0.2  # between two looks at the logs


async def conduct(settings: Settings, folder: Path) -> Report:
    """Do one run, whose tree and logs are left in *folder*, which is empty.

    Raises:
        ChildProcessError: A worker ended by itself: there is a bug in it, or in the library.
    """
    tree = Tree(folder / "tree")
    tree.make()
    with _server(settings) as server:
        async with Proxy(server.port) as proxy:
            crew = Crew(settings, [proxy.url, *[server.url] * settings.workers], folder)
            run = Run(settings, crew, Faults(settings, crew, server, proxy))
            try:
                await run.last()
            finally:
                crew.kill()
        await run.audit(tree, server.url, folder)
    return run.report


@contextlib.contextmanager
def _server(settings: Settings) -> Iterator[RedisServer]:
    program = max(find_servers().items())[1]
    options = PERSISTENCE[settings.persistence]
    with TemporaryDirectory(prefix="redis-") as name, running(program, Path(name), *options) as server:
        yield server


class Run:
    """One run, from its begin to its end."""

    def __init__(self, settings: Settings, crew: Crew, faults: Faults) -> None:
        self.report = Report(settings, now())
        self._settings = settings
        self._crew = crew
        self._faults = faults
        max_staleness = VARIANTS[settings.variant].max_staleness
        self._checker = Checker(max_staleness=round(max_staleness * SECOND))

    async def last(self) -> None:
        """Let it last as long as it should, or until the first violation if that is enough."""
        self._crew.start()
        end = now() + round(self._settings.seconds * SECOND)
        async with self._faults:
            while now() < end and not (self._settings.until_caught and self.report.caught):
                await asyncio.sleep(LOOKING_SECONDS)
                self._crew.check()
                self._look()
        await self._crew.end()
        self._look()
        self.report.end = now()
        self.report.faults = self._faults.past
        self.report.tallies = self._crew.tallies()

    def _look(self) -> None:
        """Read what is new, and judge what can be."""
        when = now()
        dead, self._crew.dead = self._crew.dead, []
        for operation in self._crew.news():
            self._take(operation)
        for name, time in dead:
            self._checker.bury(name, time)
        self.report.blame(self._checker.judge(when), when)

    def _take(self, operation: Operation) -> None:
        self.report.count(operation)
        self._checker.take(operation)

    async def audit(self, tree: Tree, url: str, folder: Path) -> None:
        """Ask the cache for every layer, now that nothing else happens."""
        path, chance = folder / "auditor.log", Random(0)
        log, cache = Log(path), RedisCache(url)
        async with ReadThroughCache(cache, tree.source()) as front:
            await Hands(front, cache, tree, log, chance, Pauses(chance, 0.0)).audit(background())
        log.close()
        answers = list(LogReader(path, "auditor").read())
        for answer in answers:
            self._checker.take(answer)
        self.report.blame(self._checker.judge(now()), now())
        self.report.judged = self._checker.judged
        self.report.unjudged = self._checker.unjudged
        self.report.looks = self._checker.registers.judged
        self.report.ages = self._checker.registers.ages
        claimed = [answer for answer in answers if answer.outcome == Outcome.YES]
        self.report.lies_at_rest = sum(not tree.has(answer.repo, answer.dgst) for answer in claimed)
