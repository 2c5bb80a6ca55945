"""What the tests of the read-through share."""

import pytest

from tests.readthrough.house import House
from tests.readthrough.loads import Loads


@pytest.fixture
def house() -> House:
    """A house of one's own."""
    return House()


@pytest.fixture
def loads() -> Loads:
    """Flights for one key, in which nobody sits yet."""
    return Loads()
