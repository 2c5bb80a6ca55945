"""`open_cache`: the cache of each scheme, also of a registered one, and the errors of a URL."""

import importlib
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from layercache import InvalidArgumentError, MemoryCache, RedisCache, background, open_cache
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
    ],
)
async def test_a_url_names_a_cache(url: str, kind: type) -> None:
    """Each scheme opens its cache, even if no server is there."""
    async with open_cache(url) as cache:
        assert type(cache) is kind


async def test_options_count() -> None:
    """An option of the URL is an argument of the cache."""
    async with open_cache("memory://?max_entries=10") as cache:
        repo = new_repository()
        dgsts = [new_digest() for _ in range(100)]
        for dgst in dgsts:
            await cache.add(background(), repo, dgst)
        assert sum(await cache.contains_many(background(), repo, dgsts)) <= 10


@pytest.mark.parametrize(
    ("options", "is_near"),
    [
        ("", False),
        ("?near=0", False),
        ("?near=0&max_staleness=3", False),
        ("?near=1000", True),
        ("?near=1000&max_staleness=3&ttl=60", True),
    ],
)
async def test_near_is_an_option(options: str, is_near: bool) -> None:
    """A `RedisCache` keeps entries near if the URL gives their number, and it is not 0."""
    async with open_cache(f"redis://localhost{options}") as cache:
        assert isinstance(cache, RedisCache)
        assert (cache.near_state is not None) == is_near


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
        ("redis://localhost?far=1", "'far'; known are client_name, closing_seconds, "),
        ("redis://localhost?far=1", "lease_seconds, max_staleness, near, password"),
        ("redis://localhost?near=", "near is a number, not ''"),
        ("redis://localhost?near=-1", "near is 1 to 2\\*\\*31 entries, not -1"),
        ("redis://localhost?max_staleness=3", "name a number of entries, near=100000"),
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
def test_a_malformed_url_is_refused(url: str, complaint: str) -> None:
    """A wrong scheme, option or value is an invalid argument, and the message names it or what is known."""
    with pytest.raises(InvalidArgumentError, match=complaint):
        open_cache(url)


def test_a_secret_is_not_in_the_repr() -> None:
    """Neither `repr` nor an error contains the password of the URL."""
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


MODULE = "layercache_of_another_distribution"
SOURCE = """
from layercache import LayerInfoCache
from tests.reference import ReferenceBackend

def open_it(url: str) -> LayerInfoCache:
    cache = LayerInfoCache(ReferenceBackend())
    cache.url = url
    return cache
"""
ENTRY_POINTS = f"""
[layercache.schemes]
another = {MODULE}:open_it
memory = {MODULE}:open_it
"""


@pytest.fixture
def another_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A distribution outside of the project, installed for one test, which registers two schemes."""
    information = tmp_path / "another-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: another\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(ENTRY_POINTS)
    (tmp_path / f"{MODULE}.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield
    sys.modules.pop(MODULE, None)


async def test_a_registered_scheme_opens_its_cache(another_distribution: None) -> None:
    """A scheme that another distribution registers as an entry point opens the cache of its function."""
    repo, dgst = new_repository(), new_digest()
    async with open_cache("another://host/path?option=1") as cache:
        assert vars(cache)["url"] == "another://host/path?option=1"
        await cache.add(background(), repo, dgst)
        assert await cache.contains(background(), repo, dgst)


def test_an_unknown_scheme_lists_what_is_registered(another_distribution: None) -> None:
    """The error of an unknown scheme lists those of the library and those that are registered."""
    with pytest.raises(InvalidArgumentError, match="known are another, memory, redis, rediss, unix"):
        open_cache("memcached://localhost")


def test_a_scheme_of_the_library_cannot_be_replaced(another_distribution: None) -> None:
    """A distribution that registers a scheme of the library has no effect on it."""
    assert type(open_cache("memory://")) is MemoryCache
