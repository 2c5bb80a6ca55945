"""Nothing is left of flights that have ended, or were stopped."""

import asyncio
import gc
import weakref

import pytest

from layercache.context import background
from layercache.errors import BackendUnavailableError
from layercache.readthrough.flight import Flight, Flights
from tests.context.manual import turns
from tests.readthrough.loads import Loads


async def test_nothing_is_kept_of_what_has_ended(loads: Loads) -> None:
    """A flight that has ended, answered or stopped, is in no table."""
    answered, left = loads.ask(), asyncio.ensure_future(loads.flights.join(background(), "other"))
    await turns()
    left.cancel()
    loads.answers[1].set_result("answer")
    await answered
    await turns()
    assert (loads.flights.boarding, loads.flights.flying, loads.flights.alive) == ({}, {}, set())


async def test_an_ended_flight_is_not_kept_by_those_that_follow(loads: Loads) -> None:
    """While a key is asked for without a pause, only the flight that runs and the one before it are kept."""
    callers = [loads.ask()]
    await turns()
    seen = weakref.WeakSet(loads.flights.flying.values())
    for number in range(1, 11):
        callers.append(loads.ask())
        await turns()
        seen.update(loads.flights.boarding.values())
        loads.answers[number].set_result("answer")
        await callers.pop(0)
        await turns()
    gc.collect()
    [running] = loads.flights.flying.values()
    assert set(seen) == {running, running.before}
    loads.answers[11].set_result("answer")
    assert await callers.pop() == "answer"


async def test_closing_stops_all_flights(loads: Loads) -> None:
    """`aclose` ends all flights, even those that have not run yet, and their waiters get an error."""
    waiting = [loads.ask(), loads.ask()]
    await turns()
    waiting.append(loads.ask())
    await asyncio.sleep(0)
    await loads.flights.aclose()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [BackendUnavailableError] * 3
    assert (loads.flights.boarding, loads.flights.flying) == ({}, {})


async def test_closing_waits_for_what_it_stops(loads: Loads) -> None:
    """When `aclose` returns, no load runs any more, and what it asked may be closed."""
    waiting = loads.ask()
    await turns()
    await loads.flights.aclose()
    assert loads.stopped == 1
    with pytest.raises(BackendUnavailableError):
        await waiting


async def test_closing_waits_for_a_flight_that_all_callers_left() -> None:
    """A flight that was abandoned before it asked, and is slow to stop, has ended after `aclose`."""
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def load(flight: Flight[str, str]) -> str:
        begun.set()
        try:
            return await asyncio.Future[str]()
        finally:
            await may_end.wait()
            ended.set()

    flights = Flights(load, seconds=30)
    left = asyncio.ensure_future(flights.join(background(), "key"))
    await begun.wait()
    left.cancel()
    await turns()
    closing = asyncio.ensure_future(flights.aclose())
    await turns()
    may_end.set()
    await closing
    assert ended.is_set()
