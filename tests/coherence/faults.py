"""What befalls a run from outside. Faults of the server come one after the other.

Each sleep is a part of a fault: when it comes, and how long it lasts.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Coroutine
from random import Random
from typing import NamedTuple, Self

from tests.coherence.crew import Crew
from tests.coherence.history import now
from tests.coherence.settings import CONDUCTED_FAULTS, Settings
from tests.redis.proxy import Proxy
from tests.servers import RedisServer

DELAYING_SECONDS = 3.0
SYNCING_SECONDS = 1.0  # between two times that a log is synced under `appendfsync everysec`


EVICTION = """
local held = redis.pcall('GET', KEYS[1])
if type(held) == 'string' and string.find(held, '^closing:%x*:%d') then return 0 end
return redis.call('DEL', KEYS[1])
"""
ENDLESS = 2**63
THAT_TAKE_HOLDS = frozenset({"flush", "restart"})


class Fault(NamedTuple):
    """One that was."""

    name: str
    begin: int
    end: int


class Faults:
    """Those of one run, which they befall for the length of the block.

    Attributes:
        past: What befell it so far.
    """

    def __init__(self, settings: Settings, crew: Crew, server: RedisServer, proxy: Proxy) -> None:
        self.past: list[Fault] = []
        self._holds_taken: list[Fault] = []
        self._settings = settings
        self._crew = crew
        self._server = server
        self._proxy = proxy
        self._chance = Random(settings.seed)
        self._one_at_a_time = asyncio.Lock()
        self._injections: dict[str, Callable[[], Coroutine[object, object, None]]] = {
            "crash": self._crash,
            "restart": self._restart,
            "stop": self._stop,
            "flush": self._flush,
            "cut": self._cut,
            "evict": self._evict,
            "delay": self._delay,
        }

    async def __aenter__(self) -> Self:
        self._befalling = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self._befalling.done():
            async with self._one_at_a_time:  # so that no server is left stopped or dead
                self._befalling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._befalling

    def took_holds(self, since: int, until: int) -> bool:
        """Whether holds were lost at some time from *since* to *until*: then nothing is promised of them."""
        return any(fault.begin <= until and fault.end >= since for fault in self._holds_taken)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for name in self._settings.faults:
                if name in CONDUCTED_FAULTS:
                    tasks.create_task(self._repeat(name, CONDUCTED_FAULTS[name]))

    async def _repeat(self, name: str, seconds: float) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(0.5, 1.5) * seconds)  # This is the fault's rate.
            is_beside = name in ("crash", "delay")
            async with contextlib.nullcontext() if is_beside else self._one_at_a_time:
                fault = Fault(name, now(), ENDLESS)
                if name in THAT_TAKE_HOLDS:
                    self._holds_taken.append(fault)
                await self._injections[name]()
                self.past.append(fault._replace(end=now()))
                if name in THAT_TAKE_HOLDS:
                    self._holds_taken[-1] = self.past[-1]

    async def _crash(self) -> None:
        self._crew.kill_one(self._chance)

    async def _restart(self) -> None:
        if self._settings.persistence == "power-cut":
            await self._cut_power()
        else:
            await asyncio.to_thread(self._server.kill)
        # How long the server is down is the fault; half of the time it is there again at once.
        await asyncio.sleep(self._chance.choice((0.0, 0.5)) * self._chance.random())
        await asyncio.to_thread(self._server.start)

    async def _cut_power(self) -> None:
        """Kill it, and take from its log what was not yet on the disk: the last of it, up to a second."""
        [log] = self._server.directory.glob("appendonlydir/*.incr.aof")
        on_disk = log.stat().st_size
        # What is written meanwhile will be lost.
        await asyncio.sleep(self._chance.random() * SYNCING_SECONDS)
        await asyncio.to_thread(self._server.kill)
        os.truncate(log, on_disk)

    async def _stop(self) -> None:
        self._server.signal(signal.SIGSTOP)
        try:
            # How long the server stands still is the fault: within every deadline, or past them.
            await asyncio.sleep(self._chance.choice((0.1, 1.0, 3.0)) * self._chance.random())
        finally:
            self._server.signal(signal.SIGCONT)

    async def _flush(self) -> None:
        await asyncio.to_thread(self._server.ask, "FLUSHALL")

    async def _cut(self) -> None:
        await asyncio.to_thread(self._server.ask, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    async def _delay(self) -> None:
        """Have what Redis says come late, piece by piece, to the worker that is behind the proxy."""
        self._proxy.delay = self._chance.choice((0.01, 0.1, 1.0)) * self._chance.random()
        try:
            await asyncio.sleep(self._chance.random() * DELAYING_SECONDS)  # How long it lasts is the fault.
        finally:
            self._proxy.delay = 0.0

    async def _evict(self) -> None:
        """Take some keys away: members, metas, leases, markers; but no holds, whose loss is not borne."""
        keys = await asyncio.to_thread(self._server.ask, "KEYS", "*")
        assert isinstance(keys, list)
        names = sorted(key.decode() for key in keys)
        for name in self._chance.sample(names, min(len(names), self._chance.randint(1, 10))):
            await asyncio.to_thread(self._server.ask, "EVAL", EVICTION, "1", name)
