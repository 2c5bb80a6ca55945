"""What a user of Redis must be allowed: docs/howto/redis.md lists enough, and nothing too much."""

import shlex
from collections.abc import Sequence

import pytest

from layercache.backends.redis.cache import RedisCache
from layercache.context import background
from layercache.errors import BackendError
from layercache.meta import LayerMeta
from layercache.reconcile import Reconciler
from layercache.testing import CHECKS, Check, SlowSource, walks
from tests.project.sources import ROOT
from tests.redis_cache.conftest import MakeCache
from tests.servers import RedisServer

CTX = background()
REPO = "library/a"
DIGEST = "sha256:" + "0123456789abcdef" * 4
OTHER = "sha256:" + "fedcba9876543210" * 4
META = LayerMeta("/blobs/a", 7)


def rules_of_page() -> list[list[str]]:
    """The rules of each `ACL SETUSER` on the page, which may go over several lines."""
    page = (ROOT / "docs/howto/redis.md").read_text().replace("\\\n", " ")
    lines = [line for line in page.splitlines() if line.startswith("ACL SETUSER layercache ")]
    return [shlex.split(line)[3:] for line in lines]


BASIC, WALKING, NEAR = rules_of_page()
SPARED = {"+ping", "+script|load"}
REFUSAL = "NOPERM|can't run this command|ACL failure in script"


def commands(rules: Sequence[str]) -> list[str]:
    """The commands that *rules* allow, and that cannot be spared."""
    return [rule.removeprefix("+") for rule in rules if rule.startswith("+") and rule not in SPARED]


def url_of(server: RedisServer, rules: Sequence[str]) -> str:
    """Where *server* is for the page's user, who has just these *rules*."""
    server.ask("ACL", "SETUSER", "layercache", *rules)
    return f"redis://layercache:secret@127.0.0.1:{server.port}"


async def do_everything(cache: RedisCache, server: RedisServer) -> None:
    """Do once what a registry does, on a server that has lost its scripts."""
    await cache.add(CTX, REPO, DIGEST)
    server.ask("SCRIPT", "FLUSH")
    await cache.put(CTX, REPO, DIGEST, META)
    assert await cache.contains(CTX, REPO, DIGEST)
    assert await cache.contains_many(CTX, REPO, [DIGEST]) == [True]
    assert await cache.stat(CTX, REPO, DIGEST) == META
    async with cache.removing(CTX, REPO, DIGEST), cache.forgetting(CTX, DIGEST):
        pass
    # What an interrupted body ends with; by the bracket its failure would be a note of the body's error.
    await cache.backend.end_removal(CTX, None, OTHER, "", has_returned=False)
    async with cache.forgetting(CTX, OTHER):
        pass
    lease = await cache.lease(CTX, REPO, DIGEST)
    assert lease is not None
    assert await cache.fill(CTX, lease, META)


async def walk(cache: RedisCache, server: RedisServer) -> None:
    """Compare a cache with a source that has nothing, and have it forget all, what is corrupt as well."""
    await cache.put(CTX, REPO, DIGEST, META)
    server.ask("SET", "repository::corrupt::blobs", "no set")
    report = await Reconciler(cache, SlowSource()).run(CTX, fix=True)
    assert (report.stale, report.corrupt, report.fixed) == (2, 1, 3)


# ---- enough


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_the_contract(check: Check, make_cache: MakeCache, own_server: RedisServer) -> None:
    """A user who may do just what the page lists gets the whole contract, and for a walk its further list."""
    rules = BASIC + WALKING if check in walks.CHECKS else BASIC
    await check(CTX, make_cache(url_of(own_server, rules), ttl=60))


async def test_a_walk(make_cache: MakeCache, own_server: RedisServer) -> None:
    """With what the page lists for it, a user can compare the cache with a source, and mend it."""
    await walk(make_cache(url_of(own_server, BASIC + WALKING)), own_server)


async def test_near_entries(make_cache: MakeCache, own_server: RedisServer) -> None:
    """With what the page lists for it, a user has answers near, and changes of others are noticed."""
    cache = make_cache(url_of(own_server, BASIC + NEAR), near=10)
    other = make_cache(own_server.url)
    await cache.put(CTX, REPO, DIGEST, META)
    while not (state := cache.near_state) or not state.is_trusted:
        assert await cache.stat(CTX, REPO, DIGEST) == META
    assert not state.why_off
    await other.remove(CTX, REPO, DIGEST)
    while await cache.contains(CTX, REPO, DIGEST):
        pass


async def test_what_can_be_spared(make_cache: MakeCache, own_server: RedisServer) -> None:
    """Without answers to its heartbeat, and without loading scripts before it needs them, a cache works."""
    rules = [rule for rule in BASIC if rule not in SPARED]
    await do_everything(make_cache(url_of(own_server, rules), ttl=60), own_server)


# ---- and not too much


@pytest.mark.parametrize("rule", [rule for rule in BASIC if rule.startswith("~")])
async def test_each_pattern(rule: str, make_cache: MakeCache, own_server: RedisServer) -> None:
    """Each pattern of keys in the list is needed."""
    rules = [other for other in BASIC if other != rule]
    with pytest.raises(BackendError, match="NOPERM"):
        await do_everything(make_cache(url_of(own_server, rules), ttl=60), own_server)


@pytest.mark.parametrize("command", commands(BASIC))
async def test_each_command(command: str, make_cache: MakeCache, own_server: RedisServer) -> None:
    """Each command of the list is needed."""
    cache = make_cache(url_of(own_server, [*BASIC, f"-{command}"]), ttl=60)
    with pytest.raises(BackendError, match=REFUSAL):
        await do_everything(cache, own_server)


@pytest.mark.parametrize("command", commands(WALKING))
async def test_each_command_of_a_walk(command: str, make_cache: MakeCache, own_server: RedisServer) -> None:
    """Each command that the list has for a walk is needed."""
    cache = make_cache(url_of(own_server, [*BASIC, *WALKING, f"-{command}"]))
    with pytest.raises(BackendError, match=REFUSAL):
        await walk(cache, own_server)
