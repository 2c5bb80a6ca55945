"""A link whose attempts run while they are being made."""

import asyncio
from collections.abc import Callable

import pytest
from redis.backoff import ConstantBackoff

from layercache import BackendUnavailableError
from layercache.backends.redis.transport.link import Link
from layercache.backends.redis.transport.wire import Wire
from tests.eager import FACTORIES


@pytest.mark.parametrize("factory", FACTORIES.values(), ids=FACTORIES)
async def test_an_attempt_that_fails_at_once_is_reported(factory: object) -> None:
    """If the first attempt fails before it suspends, its caller gets the reason; no other attempt is made."""
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
