"""Tiered caches before a server on tape, and before real ones."""

from collections.abc import AsyncIterator

import pytest

from tests.tiered.stage import Stage


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A tiered cache that is connected, trusted and empty, before a server on tape."""
    stage = Stage()
    await stage.connect()
    yield stage
    await stage.cache.aclose()
