"""What a worker does: what the handlers of a registry do, on layers chosen by chance, each logged.

A register (`registers.py`) is written by one process, and read by all: some
times in a row, so that one comes from far, and the others from near if they may.

A layer that is mounted, or whose upload is skipped, is looked for in the
storage within the bracket. Looked for before it, a sweep could come between,
and the bracket's fill would be of a blob that is gone: check, then act.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from random import Random

from layercache.cache import LayerInfoCache
from layercache.context import Context
from layercache.errors import NotFoundError
from layercache.meta import LayerMeta
from layercache.readthrough import ReadThroughCache
from tests.coherence.deletions import Deletions, LostReplyError, Touched
from tests.coherence.history import EVERYWHERE, Kind, Log, Operation, Outcome, now
from tests.coherence.tree import DGSTS, METAS, NOBODYS, REGISTER_REPO, REGISTERS, REPOS, Pauses, Tree

LAYERS = 6  # of an image
GLANCES = 8  # at a register, in a row


class AbsentError(Exception):
    """What was to be mounted is not there."""


class Hands:
    """The operations of one process."""

    def __init__(
        self,
        front: ReadThroughCache,
        cache: LayerInfoCache,
        tree: Tree,
        log: Log,
        chance: Random,
        pause: Pauses,
        place: int = 0,
        places: int = 1,
        *,
        is_late: bool = False,
    ) -> None:
        """Act in *place*, one of so many *places*, on a storage that *is_late*; the rest is by what."""
        self._front = front
        self._cache = cache
        self._tree = tree
        self._log = log
        self._chance = chance
        self._pause = pause
        self._deletions = Deletions(log, chance, pause, is_late=is_late)
        self._place = place
        self._places = places

    # ---- reads

    async def stat(self, ctx: Context) -> None:
        """Ask for a layer, as a HEAD does."""
        repo, dgst = self._layer()
        await self._stat(ctx, repo, dgst)

    async def open(self, ctx: Context) -> None:
        """Ask for a layer and open it, as a GET does; tell the cache if it is not there."""
        repo, dgst = self._layer()
        if await self._stat(ctx, repo, dgst) and not self._tree.has_blob(dgst):
            await self._front.report_missing(ctx, REPOS[repo], DGSTS[dgst])

    async def contains(self, ctx: Context) -> None:
        """Ask whether there is a layer."""
        repo, dgst = self._layer()
        await self._ask(Kind.CONTAINS, repo, dgst, self._front.contains(ctx, REPOS[repo], DGSTS[dgst]))

    async def meta(self, ctx: Context) -> None:
        """Ask where a blob lies, whoever has it."""
        dgst = self._one_of(DGSTS)
        await self._ask(Kind.META, EVERYWHERE, dgst, self._front.meta(ctx, DGSTS[dgst]))

    async def confirm(self, ctx: Context) -> None:
        """Ask past the cache."""
        repo, dgst = self._layer()
        await self._ask(Kind.CONFIRM, repo, dgst, self._front.confirm(ctx, REPOS[repo], DGSTS[dgst]))

    async def recall(self, ctx: Context) -> None:
        """Ask the cache alone."""
        repo, dgst = self._layer()
        await self._ask(Kind.RECALL, repo, dgst, self._cache.stat(ctx, REPOS[repo], DGSTS[dgst]))

    async def stat_many(self, ctx: Context) -> None:
        """Ask for all layers of an image at once."""
        repo, begin, number = self._one_of(REPOS), now(), self._log.next_number()
        dgsts = self._chance.sample(range(len(DGSTS)), LAYERS)
        outcomes = [Outcome.FAILED] * LAYERS
        try:
            metas = await self._front.stat_many(ctx, REPOS[repo], [DGSTS[dgst] for dgst in dgsts])
            assert all(meta in (None, METAS[dgst]) for dgst, meta in zip(dgsts, metas, strict=True))
            outcomes = [Outcome.NO if meta is None else Outcome.YES for meta in metas]
        finally:
            end = now()
            answers = zip(outcomes, dgsts, strict=True)
            self._log.write(
                *(
                    Operation(Kind.STAT_MANY, outcome, repo, dgst, number, begin, end)
                    for outcome, dgst in answers
                )
            )

    async def audit(self, ctx: Context) -> None:
        """Ask the cache alone for every layer."""
        for repo in range(len(REPOS)):
            for dgst in range(len(DGSTS)):
                await self._ask(Kind.AUDIT, repo, dgst, self._cache.stat(ctx, REPOS[repo], DGSTS[dgst]))

    async def read_all(self, ctx: Context) -> None:
        """Ask for every layer, as HEADs do."""
        for repo in range(len(REPOS)):
            for dgst in range(len(DGSTS)):
                await self._stat(ctx, repo, dgst)

    async def _stat(self, ctx: Context, repo: int, dgst: int) -> bool:
        return await self._ask(Kind.STAT, repo, dgst, self._front.stat(ctx, REPOS[repo], DGSTS[dgst]))

    async def _ask(self, kind: Kind, repo: int, dgst: int, question: Awaitable[LayerMeta | bool]) -> bool:
        number, begin, outcome = self._log.next_number(), now(), Outcome.FAILED
        try:
            answer = await question
            assert isinstance(answer, bool) or answer == METAS[dgst]
            outcome = Outcome.YES if answer else Outcome.NO
        except NotFoundError:
            outcome = Outcome.MISS if kind in (Kind.RECALL, Kind.AUDIT) else Outcome.NO
        finally:
            self._log.write(Operation(kind, outcome, repo, dgst, number, begin, now()))
        return outcome == Outcome.YES

    # ---- registers, and whether what was pushed has come

    async def mark(self, ctx: Context) -> None:
        """Write the register of this worker's place."""
        async with self._changing(Kind.MARK, EVERYWHERE, self._place) as touched:
            dgst, meta = REGISTERS[self._place], LayerMeta("/register", touched.begun.begin)
            if self._chance.random() < 0.5:
                await self._cache.set_meta(ctx, dgst, meta)
            else:
                await self._cache.put(ctx, REGISTER_REPO, dgst, meta)

    async def watch(self, ctx: Context) -> None:
        """Look at a register, some times in a row."""
        register = self._chance.randrange(self._places)
        for _ in range(GLANCES):
            await self._look(ctx, register)
            await asyncio.sleep(0)

    async def _look(self, ctx: Context, register: int) -> None:
        begin, outcome, version = now(), Outcome.FAILED, 0
        dgst, is_whole = REGISTERS[register], self._chance.random() < 0.5
        try:
            meta = await (
                self._cache.stat(ctx, REGISTER_REPO, dgst) if is_whole else self._cache.meta(ctx, dgst)
            )
            outcome, version = Outcome.YES, meta.length
        except NotFoundError:
            outcome = Outcome.MISS
        finally:
            look = Operation(Kind.LOOK, outcome, EVERYWHERE, register, self._log.next_number(), begin, now())
            self._log.write(look._replace(version=version))

    async def witness(self, ctx: Context) -> None:
        """Ask Redis what is never near, since nobody has it."""
        number, begin = self._log.next_number(), now()
        await self._cache.contains(ctx, REGISTER_REPO, NOBODYS)
        self._log.write(Operation(Kind.WITNESS, Outcome.DONE, EVERYWHERE, 0, number, begin, now()))

    # ---- changes

    async def push(self, ctx: Context) -> None:
        """Push a layer."""
        await self._push(ctx, *self._layer())

    async def push_if_needed(self, ctx: Context) -> None:
        """Push a layer, unless the storage confirms that it is there."""
        repo, dgst = self._layer()
        async with self._changing(Kind.PUSH, repo, dgst) as touched, self._adding(ctx, repo, dgst):
            try:
                await self._front.confirm(ctx, REPOS[repo], DGSTS[dgst])
            except NotFoundError:
                await self._commit(repo, dgst, touched)

    async def mount(self, ctx: Context) -> None:
        """Mount a layer from another repository, if that has it."""
        repo, dgst = self._layer()
        other = self._one_of(REPOS)
        if not await self._stat(ctx, other, dgst):
            return
        async with self._changing(Kind.MOUNT, repo, dgst) as touched, self._adding(ctx, repo, dgst):
            await self._pause()
            if not self._tree.has(other, dgst):
                raise AbsentError
            touched.link = self._tree.write_link(repo, dgst)
            await self._pause()

    async def delete(self, ctx: Context) -> None:
        """Delete a layer from a repository, and once more if the storage did not answer."""
        layer = self._layer()
        try:
            await self._delete(ctx, *layer)
        except LostReplyError:
            await self._delete(ctx, *layer)

    async def replace(self, ctx: Context) -> None:
        """Delete a layer, and push it again."""
        layer = self._layer()
        await self._delete(ctx, *layer)
        await self._push(ctx, *layer)

    async def sweep(self, ctx: Context) -> None:
        """Delete a blob and leave its links, as the Go registry's sweep does."""
        dgst = self._one_of(DGSTS)
        forgetting = self._cache.forgetting(ctx, DGSTS[dgst])
        async with self._changing(Kind.SWEEP, EVERYWHERE, dgst) as touched:
            await self._deletions.run(ctx, forgetting, touched, lambda: self._tree.delete_blob(dgst))

    async def finish(self) -> None:
        """Return when the storage does no more."""
        await self._deletions.finish()

    async def rest(self, ctx: Context) -> None:
        """Do nothing for a while."""
        await asyncio.sleep(self._chance.random() * 0.2)  # So that tasks fall out of step: there is no event.

    async def _push(self, ctx: Context, repo: int, dgst: int) -> None:
        async with self._changing(Kind.PUSH, repo, dgst) as touched, self._adding(ctx, repo, dgst):
            await self._commit(repo, dgst, touched)

    async def _commit(self, repo: int, dgst: int, touched: Touched) -> None:
        await self._pause()
        touched.blob = self._tree.write_blob(dgst)
        await self._pause()
        touched.link = self._tree.write_link(repo, dgst)
        await self._pause()

    async def _delete(self, ctx: Context, repo: int, dgst: int) -> None:
        removing = self._front.removing(ctx, REPOS[repo], DGSTS[dgst])
        async with self._changing(Kind.UNLINK, repo, dgst) as touched:
            await self._deletions.run(ctx, removing, touched, lambda: self._tree.delete_link(repo, dgst))

    def _adding(self, ctx: Context, repo: int, dgst: int) -> AbstractAsyncContextManager[None]:
        return self._front.adding(ctx, REPOS[repo], DGSTS[dgst], METAS[dgst])

    @asynccontextmanager
    async def _changing(self, kind: Kind, repo: int, dgst: int) -> AsyncIterator[Touched]:
        """Log a change before it does anything, and when it has ended."""
        begun = Operation(kind, Outcome.BEGUN, repo, dgst, self._log.next_number(), now(), 0)
        touched = Touched(begun)
        self._log.write(begun)
        outcome = Outcome.FAILED
        try:
            yield touched
            outcome = Outcome.DONE
        finally:
            self._log.write(begun._replace(outcome=outcome, end=now()).touched(touched.blob, touched.link))

    def _layer(self) -> tuple[int, int]:
        return self._one_of(REPOS), self._one_of(DGSTS)

    def _one_of(self, names: Sequence[str]) -> int:
        """The number of one of *names*: mostly of an early one, so that some are hot and some have time."""
        return int(self._chance.random() ** 2 * len(names))
