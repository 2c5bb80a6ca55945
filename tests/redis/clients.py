"""Two hundred tasks that ask what they can check, and check every answer they get."""

import asyncio
import random
from abc import ABC, abstractmethod
from collections import Counter
from typing import Self

from layercache.backends.redis.resp import ReplyFault, pack, public
from layercache.backends.redis.transport.link import Link
from layercache.backends.redis.transport.wire import Wire
from layercache.context import Context, background
from layercache.errors import BackendError, LayerCacheError

TASKS = 200
KEYS = 500
DEADLINE = 0.5  # seconds that a read may take
TOLERANCE = 0.05  # seconds that it may be late
TURNS = 20  # of the loop, that the loop may take to do what was due
PAUSE = 0.05  # seconds that a task waits at most between two reads
PATIENCE = 30.0  # seconds after which something that should happen has not


async def ask(ctx: Context, link: Link, payload: str, replies: int = 1) -> object:
    """Send *payload* over *link*, as a cache does that sends nothing twice."""
    wire = link.wire
    if wire is None:
        wire = await ctx.run(link.ready())
    future = wire.call(payload, replies)
    ctx.bind(future)
    try:
        return await future
    except ReplyFault as fault:
        raise public(fault) from fault


async def recovered(link: Link) -> Wire:
    """The wire that *link* finds next."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await link.ready()
            except BackendError:
                await asyncio.sleep(PAUSE)  # As a caller would; while it is down each call fails at once.


def value(key: int) -> bytes:
    """The value of *key*: of many sizes, so that replies are cut in many ways."""
    return b"%d:" % key + b"x" * (key * 7 % 300)


async def fill(link: Link) -> None:
    """Write what the clients read."""
    payload = "".join(pack("SET", key, value(key).decode()) for key in range(KEYS))
    await ask(background(), link, payload, KEYS)


class Alarm:
    """Goes off when something has not ended at *when* on the loop's clock.

    It then still waits a few turns: on a busy machine the loop may be late by
    itself, and find the deadline and the alarm due in one turn.
    """

    def __init__(self, when: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._turns = TURNS
        self._handle: asyncio.Handle = self._loop.call_at(when, self._turn)

    def _turn(self) -> None:
        self._turns -= 1
        if self._turns:
            self._handle = self._loop.call_soon(self._turn)

    def stop(self) -> None:
        """Note that it has ended."""
        self._handle.cancel()
        assert self._turns, f"not ended {TOLERANCE} s after its deadline"


class Clients(ABC):
    """The tasks, from entering the block to leaving it, and what became of what they did.

    Attributes:
        outcomes: How many acts ended how: `answer`, or the name of an error.
    """

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self._is_over = False
        self._goals: list[tuple[str, int, asyncio.Event]] = []

    @abstractmethod
    async def act(self, ctx: Context, task: int, chance: random.Random) -> None:
        """Do one thing, under *ctx*; fails if what comes cannot be true."""

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._go_on(task)) for task in range(TASKS)]
        await self.more("answer")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_over = True
        await asyncio.gather(*self._tasks)

    async def more(self, outcome: str, count: int = 2 * TASKS) -> None:
        """Return when *count* more acts have ended with *outcome*."""
        reached = asyncio.Event()
        self._goals.append((outcome, self.outcomes[outcome] + count, reached))
        try:
            async with asyncio.timeout(PATIENCE):
                await reached.wait()
        except TimeoutError:
            raise AssertionError(f"no {count} more of {outcome}: {self.outcomes}, {self}") from None

    def _note(self, outcome: str) -> None:
        self.outcomes[outcome] += 1
        for wanted, goal, reached in self._goals:
            if self.outcomes[wanted] >= goal:
                reached.set()

    async def _go_on(self, task: int) -> None:
        loop = asyncio.get_running_loop()
        chance = random.Random(task)
        while not self._is_over:
            with background().with_timeout(DEADLINE) as ctx:
                alarm = Alarm(loop.time() + DEADLINE + TOLERANCE)
                try:
                    await self.act(ctx, task, chance)
                except LayerCacheError as error:
                    self._note(type(error).__name__)
                else:
                    self._note("answer")
                alarm.stop()
            await asyncio.sleep(chance.random() * PAUSE)  # So that the tasks do not run in step.


class Readers(Clients):
    """Clients that read what `fill` has written, over a link."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link

    async def act(self, ctx: Context, task: int, chance: random.Random) -> None:
        """Read one key, or several at once, and hold what comes against what was written."""
        keys = [chance.randrange(KEYS) for _ in range(chance.choice((1, 1, 3)))]
        payload = "".join(pack("GET", key) for key in keys)
        replies = await ask(ctx, self._link, payload, len(keys))
        given = replies if isinstance(replies, list) else [replies]
        for key, reply in zip(keys, given, strict=True):
            if isinstance(reply, ReplyFault):
                raise public(reply)
            assert reply == value(key)

    def __repr__(self) -> str:
        return f"<Readers on {self._link!r}>"
