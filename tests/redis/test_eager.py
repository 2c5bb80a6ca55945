"""A link whose attempts run while they are being made."""

import asyncio
from collections.abc import Callable

import pytest
from redis.backoff import ConstantBackoff

from layercache import BackendUnavailableError
from layercache.redis.link import Link
from layercache.redis.wire import Wire
from tests.eager import FACTORIES


@pytest.mark.parametrize("factory", FACTORIES.values(), ids=FACTORIES)
async def test_an_attempt_that_fails_at_once_is_told(factory: object) -> None:
    """Who asks a link whose first attempt ends before it suspends is told why, and nobody makes another."""
    attempts: list[Callable[[], Wire]] = []

    async def refuse(make: Callable[[], Wire]) -> Wire:
        attempts.append(make)
        raise OSError("refused at once")

    asyncio.get_running_loop().set_task_factory(factory)  # type: ignore[arg-type]  # one of `FACTORIES`
    link = Link(refuse, backoff=ConstantBackoff(3600))
    for _ in range(3):
        with pytest.raises(BackendUnavailableError, match="refused at once"):
            await link.ready()
    assert len(attempts) == 1
    await link.aclose()
