"""Flights whose loads are answered by hand."""

import asyncio

from layercache.context import Context, background
from layercache.readthrough.flight import Flight, Flights
from tests.context.manual import turns


class Loads:
    """A load that is answered by hand.

    Attributes:
        begun: How many loads have begun.
        departed: How many of them have asked, and can no longer be joined.
        stopped: How many were cancelled.
        answers: The answer of each load that has departed, by its number; the test sets it.
        may_depart: While it is not set, a load that has begun waits, and can be joined.
    """

    def __init__(self) -> None:
        self.begun = 0
        self.departed = 0
        self.stopped = 0
        self.answers: dict[int, asyncio.Future[str]] = {}
        self.may_depart = asyncio.Event()
        self.may_depart.set()
        self.flights: Flights[str, str] = Flights(self.load, seconds=30)

    async def load(self, flight: Flight[str, str]) -> str:
        self.begun += 1
        await self.may_depart.wait()
        flight.depart()
        self.departed += 1
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.answers[self.departed] = answer
        try:
            return await answer
        except asyncio.CancelledError:
            self.stopped += 1
            raise

    def ask(self, ctx: Context | None = None) -> "asyncio.Future[str]":
        return asyncio.ensure_future(self.flights.join(ctx or background(), "key"))

    async def waiting(self, *contexts: Context) -> "list[asyncio.Future[str]]":
        """Callers under these contexts, which all wait for one flight that has departed."""
        self.may_depart.clear()
        callers = [self.ask(ctx) for ctx in contexts]
        await turns()
        self.may_depart.set()
        await turns()
        return callers
