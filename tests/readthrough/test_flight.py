"""Flights: one load for many callers, none that is older than its caller, and nothing left afterwards."""

import asyncio
import gc
import weakref

import pytest

from layercache.context import background
from layercache.errors import (
    BackendError,
    BackendUnavailableError,
    CanceledError,
    DeadlineExceededError,
    NotFoundError,
)
from layercache.readthrough.flight import Flight, Flights
from tests.context.manual import ManualLoop, by_hand, turns
from tests.readthrough.loads import Loads


class ErrorOfASource(BackendError):
    """An error that cannot be copied: it is not made of its `args`."""

    def __init__(self, host: str, status: int) -> None:
        super().__init__(f"{host}: {status}")


async def test_callers_before_the_departure_share_a_flight(loads: Loads) -> None:
    """Callers that join before the flight asks are all answered by one load."""
    loads.may_depart.clear()
    callers = [loads.ask() for _ in range(100)]
    await turns()
    callers += [loads.ask() for _ in range(100)]
    await turns()
    loads.may_depart.set()
    await turns()
    loads.answers[1].set_result("answer")
    assert await asyncio.gather(*callers) == ["answer"] * 200
    assert loads.begun == 1


async def test_a_caller_after_the_departure_gets_a_later_answer(loads: Loads) -> None:
    """A caller never gets an answer that was asked for before its call."""
    early = loads.ask()
    await turns()
    late = loads.ask()
    await turns()
    loads.answers[1].set_result("old")
    assert await early == "old"
    await turns()
    loads.answers[2].set_result("new")
    assert await late == "new"


async def test_flights_of_a_key_follow_each_other(loads: Loads) -> None:
    """However many callers come while a load is slow, one more load at a time answers them."""
    callers = [loads.ask()]
    await turns()
    for _ in range(50):
        callers.append(loads.ask())
        await turns(2)
    assert (loads.begun, loads.departed) == (1, 1)
    loads.answers[1].set_result("first")
    await turns()
    assert (loads.begun, loads.departed) == (2, 2)
    loads.answers[2].set_result("second")
    assert await asyncio.gather(*callers) == ["first"] + ["second"] * 50


async def test_keys_do_not_wait_for_each_other(loads: Loads) -> None:
    """A flight for one key neither joins nor waits for that of another."""
    one = asyncio.ensure_future(loads.flights.join(background(), "one"))
    two = asyncio.ensure_future(loads.flights.join(background(), "two"))
    await turns()
    assert loads.departed == 2
    loads.answers[2].set_result("two")
    loads.answers[1].set_result("one")
    assert [await one, await two] == ["one", "two"]


@pytest.mark.parametrize("leaver", range(3))
async def test_a_cancelled_caller_leaves_the_others_alone(loads: Loads, leaver: int) -> None:
    """Whichever caller is cancelled, even the first, the others get the answer."""
    callers = await loads.waiting(*[background()] * 3)
    callers[leaver].cancel()
    await turns()
    loads.answers[1].set_result("answer")
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(outcomes.pop(leaver), asyncio.CancelledError)
    assert outcomes == ["answer", "answer"]
    assert loads.stopped == 0


async def test_the_last_one_to_leave_stops_the_flight(loads: Loads) -> None:
    """A flight that nobody waits for any more is stopped, and the next caller starts a new one."""
    callers = await loads.waiting(*[background()] * 3)
    for caller in callers:
        caller.cancel()
    await turns()
    assert loads.stopped == 1
    later = loads.ask()
    await turns()
    loads.answers[2].set_result("answer")
    assert await later == "answer"


async def test_a_flight_that_everybody_left_is_not_joined(loads: Loads) -> None:
    """A caller that comes in the loop turn in which the last one left is still answered."""
    loads.may_depart.clear()
    first = loads.ask()
    await turns()
    first.cancel()
    second = loads.ask()
    await turns()
    loads.may_depart.set()
    await turns()
    loads.answers[loads.departed].set_result("answer")
    assert await second == "answer"


async def test_a_waiting_flight_that_everybody_left_disturbs_no_other(loads: Loads) -> None:
    """A running flight, and the next but one, go on when the one between them is abandoned."""
    first = loads.ask()
    await turns()
    second = loads.ask()
    await turns()
    second.cancel()
    await turns()
    third = loads.ask()
    await turns()
    assert loads.departed == 1
    loads.answers[1].set_result("first")
    assert await first == "first"
    await turns()
    loads.answers[2].set_result("third")
    assert await third == "third"


@by_hand
async def test_a_callers_deadline_is_its_own(loop: ManualLoop) -> None:
    """A caller whose context ends gets that error in time, and the flight goes on for the others."""
    loads = Loads()
    hasty, patient = await loads.waiting(background().with_timeout(1), background())
    await loop.advance(1.1)
    with pytest.raises(DeadlineExceededError):
        await hasty
    loads.answers[1].set_result("answer")
    assert await patient == "answer"


async def test_a_callers_cancellation_does_not_reach_the_flight(loads: Loads) -> None:
    """The flight runs on a context of its own, with the first caller's values but not its end."""
    first = background().with_cancel()
    cancelled, other = await loads.waiting(first, background())
    first.cancel()
    with pytest.raises(CanceledError):
        await cancelled
    loads.answers[1].set_result("answer")
    assert await other == "answer"


@by_hand
async def test_a_load_that_takes_too_long_is_unavailable(loop: ManualLoop) -> None:
    """When the flight's own deadline passes, its callers get the error of a source that is unavailable."""
    loads = Loads()
    caller = loads.ask()
    await turns()
    await loop.advance(31)
    with pytest.raises(BackendUnavailableError):
        await caller
    assert loads.stopped == 1


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (NotFoundError("key"), NotFoundError),
        (BackendError("no"), BackendError),
        (OSError("no"), BackendError),
        (ErrorOfASource("host", 503), BackendError),
    ],
)
async def test_every_caller_gets_an_error_of_its_own(
    loads: Loads, raised: Exception, expected: type[Exception]
) -> None:
    """A failed load raises in each caller another exception of this library, with the load's as its cause."""
    callers = await loads.waiting(*[background()] * 3)
    loads.answers[1].set_exception(raised)
    errors = await asyncio.gather(*callers, return_exceptions=True)
    assert len({id(error) for error in errors}) == 3
    for error in errors:
        assert isinstance(error, expected)
        assert error.__cause__ is raised
        assert not isinstance(error, NotFoundError) or error.dgst == "key"


# ---- what is left of flights that have ended, or were stopped: nothing


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
