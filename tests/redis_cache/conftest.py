"""Caches on real servers, each with a link of its own, as if it were in a process of its own."""

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from layercache.backends.redis import scripts
from layercache.backends.redis.cache import RedisCache
from tests.conftest import SERVERS
from tests.redis_cache.script_steps import Runner
from tests.servers import RedisServer, find_other_servers

MakeCache = Callable[..., RedisCache]
OTHER_SERVERS = find_other_servers()


def on_servers(programs: Mapping[str, Path]) -> pytest.MarkDecorator:
    """Have a test that asks for a server run on each of *programs*."""
    return pytest.mark.parametrize(
        "redis_program", list(programs.values()), ids=list(programs), indirect=True
    )


ON_ALL_SERVERS = on_servers(SERVERS | OTHER_SERVERS)


@pytest.fixture
async def make_cache(nothing_is_left: None) -> AsyncIterator[MakeCache]:
    """A maker of caches, with the arguments of `RedisCache`; closed after the test, they leave nothing."""
    caches: list[RedisCache] = []

    def make(*args: object, **options: object) -> RedisCache:
        caches.append(RedisCache(*args, **options))  # type: ignore[arg-type]  # a test names what it needs
        return caches[-1]

    yield make
    for cache in caches:
        await cache.aclose()


@pytest.fixture(params=[scripts.with_text, lambda step: step], ids=["by its text", "by its name"])
def run(request: pytest.FixtureRequest, redis_server: RedisServer) -> Runner:
    """Runs a step as it is sent at first, and as it is sent to a server without the script."""
    for words in scripts.LOADING:
        redis_server.ask(*words)
    return lambda step: redis_server.ask(*request.param(step).words)


@pytest.fixture
def cache(make_cache: MakeCache, redis_server: RedisServer) -> RedisCache:
    """A cache on a server that is empty."""
    return make_cache(redis_server.url)


@pytest.fixture
def other(make_cache: MakeCache, redis_server: RedisServer) -> RedisCache:
    """A cache on the same server, in another process as it were."""
    return make_cache(redis_server.url)
