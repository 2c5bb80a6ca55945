"""The log of a cache that fails for some layers and not for others."""

import logging

import pytest

from layercache import BackendError, BackendUnavailableError
from layercache.observer import STEADY_SECONDS, Incidents
from layercache.testing import ManualClock

FAULTS = [BackendError("MOVED 1 127.0.0.1:1"), BackendUnavailableError("TRYAGAIN"), BackendError("NOPERM")]


@pytest.fixture
def clock() -> ManualClock:
    """A clock that the test advances."""
    return ManualClock()


@pytest.fixture
def incidents(clock: ManualClock, caplog: pytest.LogCaptureFixture) -> Incidents:
    """What a cache writes to the log."""
    caplog.set_level(logging.INFO, "layercache")
    return Incidents(clock)


def levels(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The levels of the lines in the log."""
    return [record.levelname for record in caplog.records]


@pytest.mark.parametrize("every", [2, 3, 100])
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_some_fail(
    incidents: Incidents,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
    fault: BackendError,
    every: int,
) -> None:
    """If some questions fail for an hour, there are three lines, and one more when none fails."""
    for number in range(36_000):
        clock.advance(0.1)
        if number % every:
            incidents.worked("stat")
        else:
            incidents.failed("stat", fault)
    assert levels(caplog) == ["WARNING", "INFO", "WARNING"]
    clock.advance(STEADY_SECONDS)
    incidents.worked("stat")
    assert levels(caplog)[3:] == ["INFO"]


def test_outages_apart(incidents: Incidents, clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    """Each of two outages that are far apart is logged when it begins and when it ends."""
    for _ in range(2):
        incidents.failed("stat", FAULTS[0])
        incidents.worked("stat")
        clock.advance(STEADY_SECONDS)
    assert levels(caplog) == ["WARNING", "INFO"] * 2


def test_operations_apart(incidents: Incidents, caplog: pytest.LogCaptureFixture) -> None:
    """Each operation is logged by itself."""
    for operation in ("stat", "lease"):
        incidents.failed(operation, FAULTS[0])
        incidents.worked(operation)
    assert levels(caplog) == ["WARNING", "INFO"] * 2
