"""What the tests of the read-through share."""

import pytest

from tests.readthrough.loads import Loads
from tests.readthrough.setup import Setup


@pytest.fixture
def setup() -> Setup:
    """A source, a cache and the read-through of both."""
    return Setup()


@pytest.fixture
def loads() -> Loads:
    """Flights for one key, for which nobody waits yet."""
    return Loads()
