"""The conductor: starts all that a run is made of, lets faults befall it, and reads the logs as they grow."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from layercache.backends.redis.cache import RedisCache
from layercache.context import background
from layercache.readthrough import ReadThroughCache
from tests.coherence.checker import Checker
from tests.coherence.crew import Crew
from tests.coherence.faults import Faults
from tests.coherence.history import Kind, Log, LogReader, Operation, Outcome, now
from tests.coherence.operations import Hands
from tests.coherence.report import SECOND, Report
from tests.coherence.rest import FAULTS_THAT_END_MARKERS
from tests.coherence.settings import PERSISTENCE, Settings
from tests.coherence.tree import Pauses, Tree
from tests.coherence.variants import CLOSING_SECONDS, VARIANTS
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
                await asyncio.sleep(LOOKING_SECONDS)  # The logs are other processes', which tell of no line.
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
        if operation.outcome == Outcome.LATE and self._faults.took_holds(operation.begin, operation.end):
            operation = operation._replace(outcome=Outcome.FAILED)
        self.report.count(operation)
        self._checker.take(operation)

    async def audit(self, tree: Tree, url: str, folder: Path) -> None:
        """Ask the cache for every layer, now that nothing else happens, and again when it may know all."""
        path, chance = folder / "auditor.log", Random(0)
        log, reader = Log(path), LogReader(path, "auditor")
        cache = RedisCache(url)
        async with ReadThroughCache(cache, tree.source()) as front:
            hands = Hands(front, cache, tree, log, chance, Pauses(chance, 0.0))
            await hands.audit(background())
            self._judge_rest(tree, list(reader.read()))
            if not self.report.violated:
                await asyncio.sleep(CLOSING_SECONDS)  # The last marker ends by the clock of Redis.
                await hands.read_all(background())
                await hands.audit(background())
                self._judge_what_is_kept(tree, list(reader.read()))
        log.close()
        self.report.judged = self._checker.judged
        self.report.unjudged = self._checker.unjudged
        self.report.looks = self._checker.registers.judged
        self.report.ages = self._checker.registers.ages

    def _judge_rest(self, tree: Tree, answers: list[Operation]) -> None:
        """Judge what the cache claims."""
        for answer in answers:
            self._checker.take(answer)
        self.report.blame(self._checker.judge(now()), now())
        for answer in answers:
            if answer.outcome != Outcome.YES:
                continue
            self.report.claims_at_rest += 1
            if absent := tree.absent(answer.repo, answer.dgst):
                self.report.lies_at_rest += 1
                if not FAULTS_THAT_END_MARKERS & set(self._settings.faults):
                    lie = self._checker.judge_yes_at_rest(answer, absent, round(CLOSING_SECONDS * SECOND))
                    self.report.blame([lie] if lie else [], now())

    def _judge_what_is_kept(self, tree: Tree, answers: list[Operation]) -> None:
        """Judge what it knows after all was read."""
        for answer in answers:
            self.report.kept_at_rest += answer.kind == Kind.AUDIT and answer.outcome == Outcome.YES
            if answer.outcome == Outcome.MISS and tree.has(answer.repo, answer.dgst):
                self.report.blame([self._checker.judge_miss_at_rest(answer)], now())
