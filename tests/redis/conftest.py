"""Links to real servers, and a look at what a test leaves behind."""

import asyncio
from collections.abc import AsyncIterator, Callable

import psutil
import pytest
from redis.backoff import ConstantBackoff

from layercache.redis.handshake import Handshake
from layercache.redis.link import Link, Opener

MakeLink = Callable[..., Link]


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    """See that a test leaves no task and no connection."""
    yield
    await asyncio.sleep(0)  # a closed transport lets go of its socket one turn later
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert psutil.Process().net_connections("tcp") == []


@pytest.fixture
async def make_link(nothing_is_left: None) -> AsyncIterator[MakeLink]:
    """A maker of links, by URL or opener, that try again soon; they are closed after the test."""
    links: list[Link] = []

    def make(where: str | Opener, **options: object) -> Link:
        opener = Handshake.from_url(where) if isinstance(where, str) else where
        options = {"backoff": ConstantBackoff(0.02), "heartbeat": 0.1} | options
        links.append(Link(opener, **options))  # type: ignore[arg-type]  # a test names what it needs
        return links[-1]

    yield make
    for link in links:
        await link.aclose()
