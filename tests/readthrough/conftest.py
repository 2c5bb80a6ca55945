"""What the tests of the read-through share."""

import pytest

from tests.readthrough.house import House


@pytest.fixture
def house() -> House:
    """A house of one's own."""
    return House()
