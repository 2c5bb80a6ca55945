"""Two registries on one tree and one Redis: what one is told, the other knows."""

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from registry.sweep import sweep
from registry.tree import Tree

from layercache import background, open_cache
from layercache.backends.redis.cache import MAX_STALENESS
from layercache.storage.layout import data_path
from tests.examples.registries import Client, example
from tests.servers import RedisServer, running


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree's; each test has repositories of its own in it."""
    return tmp_path_factory.mktemp("tree")


@pytest.fixture(scope="module")
def shared(redis_program: Path) -> Iterator[RedisServer]:
    """The Redis that both ask."""
    with TemporaryDirectory(prefix="redis-") as name, running(redis_program, Path(name)) as server:
        yield server


@pytest.fixture(scope="module", params=["", "?near=1000"], ids=["far", "near and far"])
def pair(root: Path, shared: RedisServer, request: pytest.FixtureRequest) -> Iterator[tuple[Client, Client]]:
    """The two registries; a HEAD asks their cache, to show what that knows."""
    url = f"{shared.url}{request.param}"
    with (
        example(str(root), url, heads="cached") as first,
        example(str(root), url, heads="cached") as second,
    ):
        yield first, second


@pytest.fixture
def lag(pair: tuple[Client, Client]) -> float:
    """For how many seconds at most one may say what was true before the other was told."""
    return MAX_STALENESS if b"entries near" in pair[0].get("/").body else 0.0


def require_gone(client: Client, path: str, lag: float) -> None:
    """Hold *client* to that what was at *path* is gone, or is soon, without a look at the storage."""
    end = time.monotonic() + lag
    while client.head(path).status != 404:
        assert time.monotonic() < end


def test_push_and_delete(pair: tuple[Client, Client], repo: str, lag: float) -> None:
    """What is pushed to one is known to the other without a look, and what is deleted is known to be gone."""
    for _ in range(3):
        for first, second in (pair, pair[::-1]):
            dgst = first.push(repo, b"layer")
            path = f"/v2/{repo}/blobs/{dgst}"
            for client in (second, first) * 3:
                answer = client.head(path)
                assert answer.status == 200
                assert answer.headers["Server-Timing"].startswith("cache;")
            assert second.ask("DELETE", path).status == 202
            require_gone(second, path, 0.0)
            require_gone(first, path, lag)


def test_upload_goes_on_elsewhere(pair: tuple[Client, Client], repo: str) -> None:
    """An upload begun with one goes on with the other."""
    first, second = pair
    location = first.begin(repo)
    first.ask("PATCH", location, b"first ")
    second.ask("PATCH", location, b"second")
    dgst = first.push(f"{repo}/y", b"first second")
    assert first.ask("PUT", f"{location}?digest={dgst}").status == 201
    assert second.get(f"/v2/{repo}/blobs/{dgst}").body == b"first second"


async def test_sweep(
    pair: tuple[Client, Client], root: Path, shared: RedisServer, repo: str, lag: float
) -> None:
    """A blob that nobody has is swept, and neither registry claims it when another has the digest again."""
    first, second = pair
    kept, _ = first.push_manifest(repo, "1.0")
    swept = first.push(repo, b"swept")
    for client in pair * 3:
        assert client.head(f"/v2/{repo}/blobs/{swept}").status == 200
    assert first.ask("DELETE", f"/v2/{repo}/blobs/{swept}").status == 202
    async with open_cache(shared.url) as cache:
        gone = await sweep(background(), Tree(root.as_uri()), cache)
    assert swept in gone
    assert kept not in gone
    assert not (root / data_path(swept).removeprefix("/")).exists()
    assert second.get(f"/v2/{repo}/manifests/1.0").headers["Docker-Content-Digest"] == kept
    require_gone(second, f"/v2/{repo}/blobs/{swept}", lag)
    answer = second.ask("POST", f"/v2/{repo}/y/blobs/uploads/?mount={swept}&from={repo}")
    assert answer.status == 202


def test_stale_yes_loses_no_push(pair: tuple[Client, Client], root: Path, repo: str, lag: float) -> None:
    """A blob that was deleted behind the back of all is missed when a manifest names it, and then by all."""
    first, second = pair
    dgst = first.push(repo, b"vanished")
    (root / data_path(dgst).removeprefix("/")).unlink()
    assert second.head(f"/v2/{repo}/blobs/{dgst}").status == 200
    manifest = f'{{"schemaVersion": 2, "layers": [{{"digest": "{dgst}"}}]}}'.encode()
    answer = second.ask("PUT", f"/v2/{repo}/manifests/1.0", manifest)
    assert (answer.status, answer.code) == (404, "MANIFEST_BLOB_UNKNOWN")
    for client in pair:
        require_gone(client, f"/v2/{repo}/blobs/{dgst}", 0.0 if client is second else lag)


def test_redis_that_goes_away(tmp_path: Path, own_server: RedisServer) -> None:
    """Without its Redis a registry is pulled from and pushed to, and deletes nothing unannounced."""
    with example(str(tmp_path), own_server.url) as client:
        before = client.push("x", b"before")
        own_server.kill()
        assert client.get(f"/v2/x/blobs/{before}").body == b"before"
        after = client.push("x", b"after")
        assert client.head(f"/v2/x/blobs/{after}").status == 200
        assert client.ask("DELETE", f"/v2/x/blobs/{before}").status == 503
        assert client.get(f"/v2/x/blobs/{before}").body == b"before"
        own_server.start()
        end = time.monotonic() + 30
        while client.ask("DELETE", f"/v2/x/blobs/{before}").status == 503:
            assert time.monotonic() < end
        assert client.head(f"/v2/x/blobs/{before}").status == 404
