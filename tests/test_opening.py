"""A cache is opened by its URL, and a URL that makes no sense says what would."""

import traceback

import pytest

from layercache import InvalidArgumentError, MemoryCache, RedisCache, TieredCache, background, open_cache
from layercache.testing import new_digest, new_repository


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("memory://", MemoryCache),
        ("memory://?max_entries=10&ttl=60&closing_seconds=9", MemoryCache),
        ("redis://localhost", RedisCache),
        ("redis://user:secret@localhost:6390/2?ttl=60&lease_seconds=5&closing_seconds=9", RedisCache),
        ("rediss://localhost:6390?ssl_cert_reqs=none&client_name=node-1", RedisCache),
        ("unix:///run/redis.sock?db=2", RedisCache),
        ("redis://localhost?near=1000", TieredCache),
        ("redis://localhost/1?near=1000&max_staleness=3&ttl=60", TieredCache),
    ],
)
async def test_a_url_names_a_cache(url: str, kind: type) -> None:
    """Each scheme gives its cache, without a server being there."""
    async with open_cache(url) as cache:
        assert type(cache) is kind


async def test_options_count() -> None:
    """What the query says is what the cache does."""
    async with open_cache("memory://?max_entries=10") as cache:
        repo = new_repository()
        dgsts = [new_digest() for _ in range(100)]
        for dgst in dgsts:
            await cache.add(background(), repo, dgst)
        assert sum(await cache.contains_many(background(), repo, dgsts)) <= 10


async def test_what_is_near_has_an_age() -> None:
    """What is near of a Redis is asked for anew after 300 seconds, whatever its own ttl."""
    async with open_cache("redis://localhost?near=1000&ttl=86400") as cache:
        assert isinstance(cache, TieredCache)
        assert cache._near._ttl == 300  # No clock comes by a URL.


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("memcached://localhost", "known are memory, redis, rediss, unix"),
        ("localhost:6379", "known are memory, redis, rediss, unix"),
        ("", "known are memory, redis, rediss, unix"),
        ("memory://host", "no host"),
        ("memory:///path", "no host"),
        ("memory://?max_entrys=10", "'max_entrys'; known are closing_seconds, max_entries, ttl"),
        ("memory://?max_entries=ten", "max_entries is a number, not 'ten'"),
        ("memory://?max_entries=1&max_entries=2", "twice"),
        ("memory://?max_entries=0", "entries"),
        ("memory://?ttl=0", "ttl"),
        ("memory://?closing_seconds=0", "closing_seconds"),
        ("memory://?closing_seconds=nan", "closing_seconds"),
        ("redis://localhost?far=1", "'far'; known are client_name, "),
        ("redis://localhost?near=", "near is a number, not ''"),
        ("redis://localhost?near=0", "entries"),
        ("redis://localhost?max_staleness=3", "needs near"),
        ("redis://localhost?near=10&max_staleness=0.1", r"max_staleness is at least 1\.0 seconds"),
        ("redis://localhost?max_connections=10", "'max_connections'; known are client_name, "),
        ("redis://localhost?ttl=soon", "ttl is a number, not 'soon'"),
        ("redis://localhost?ttl=-1", "ttl"),
        ("redis://localhost:port", "port"),
        ("redis://[::1", "host"),
        ("memory://[", "host"),
        ("redis://localhost?db=one", "db"),
    ],
)
def test_a_url_that_makes_no_sense_says_what_would(url: str, complaint: str) -> None:
    """A wrong scheme, option or value is an invalid argument, and the message names it or what is known."""
    with pytest.raises(InvalidArgumentError, match=complaint):
        open_cache(url)


def test_a_secret_is_not_in_the_repr() -> None:
    """Neither `repr` nor an error tells the password of the URL."""
    assert "s3cr3t" not in repr(open_cache("redis://user:s3cr3t@localhost:6390/2"))
    for url in (
        "redis://user:s3cr3t@localhost?what=1",
        "redis://user:s3cr3t/x@localhost",
        "redis://user:s3cr3t@\u2100/2",
        "unix:///s?password=s3cr3t&password=s3cr3t",
    ):
        with pytest.raises(InvalidArgumentError) as raised:
            open_cache(url)
        assert "s3cr3t" not in "".join(traceback.format_exception(raised.value))
