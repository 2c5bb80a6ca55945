"""Links to real servers."""

from collections.abc import AsyncIterator, Callable

import pytest
from redis.backoff import ConstantBackoff

from layercache.backends.redis.transport.handshake import Handshake
from layercache.backends.redis.transport.link import Link, Opener

MakeLink = Callable[..., Link]


@pytest.fixture(autouse=True)
def _is_clean(nothing_is_left: None) -> None:
    """Each test here is looked at."""


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
