"""One Redis for us and for the real Go registry: each reads and heeds what the other did to it."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from layercache import Digest, LayerMeta, NotFoundError, RedisCache, background
from tests.examples.images import ImageLayout
from tests.examples.registries import Client, debian
from tests.servers import RedisServer
from tests.storage.trees import Tree, digest_of

pytestmark = pytest.mark.programs("docker-registry", "skopeo")

CTX = background()
REPO = "library/hello"


class House(NamedTuple):
    """A Go registry, its tree, and the Redis in which it keeps its layer info cache."""

    registry: Client
    tree: Tree
    folder: Path
    redis: RedisServer

    def push(self) -> Digest:
        """Push an image with skopeo, and return the digest of its layer."""
        layout = ImageLayout(self.folder / "layout")
        layout.add_image("1.0", b"a layer")
        [dgst] = [dgst for dgst, content in layout.blobs.items() if content[:2] == b"\x1f\x8b"]
        source, target = f"oci:{layout.folder}:1.0", f"docker://{self.registry.host}/{REPO}:1.0"
        command = ["skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", source, target]
        subprocess.run(command, check=True, timeout=60)
        return dgst

    def head(self, dgst: str) -> int:
        """What the registry answers to a HEAD of a blob."""
        return self.registry.head(f"/v2/{REPO}/blobs/{dgst}").status

    def lose_the_files(self) -> None:
        """Delete all that the registry has stored, so that only a cache can answer for it."""
        shutil.rmtree(self.folder / "tree" / "docker")


@pytest.fixture
def house(tmp_path: Path, redis_server: RedisServer) -> Iterator[House]:
    """A house of one's own, on every Redis found."""
    (tmp_path / "tree").mkdir()
    with debian(tmp_path, f"127.0.0.1:{redis_server.port}") as host:
        client = Client(int(host.rpartition(":")[2]))
        yield House(client, Tree((tmp_path / "tree").as_uri()), tmp_path, redis_server)


async def test_what_it_cached_on_a_push_answers_our_stat(house: House) -> None:
    """After a push through the Go registry we know the layer, its length and the path of its file."""
    dgst = house.push()
    async with RedisCache(house.redis.url) as cache:
        meta = await cache.stat(CTX, REPO, dgst)
        assert await cache.contains(CTX, REPO, dgst)
    file = house.folder / "tree" / meta.path.lstrip("/")
    assert digest_of(file.read_bytes()) == dgst
    assert file.stat().st_size == meta.length


async def test_what_we_put_makes_its_head_succeed_without_storage(house: House) -> None:
    """A layer that is in no file is there for the Go registry, once we have put it, with its length."""
    house.push()
    house.lose_the_files()
    dgst = digest_of(b"nowhere")
    assert house.head(dgst) == 404
    async with RedisCache(house.redis.url) as cache:
        await cache.put(CTX, REPO, dgst, LayerMeta("/docker/registry/v2/nowhere", 4711, "text/plain"))
    answer = house.registry.head(f"/v2/{REPO}/blobs/{dgst}")
    assert answer.status == 200
    assert answer.headers["Content-Length"] == "4711"
    assert answer.headers["Docker-Content-Digest"] == dgst


async def test_what_we_filled_in_serves_it_as_well(house: House) -> None:
    """A layer that we filled in under a lease is as complete to the Go registry as one that was put."""
    dgst = digest_of(b"nowhere")
    async with RedisCache(house.redis.url) as cache:
        lease = await cache.lease(CTX, REPO, dgst)
        assert lease is not None
        assert await cache.fill(CTX, lease, LayerMeta("/docker/registry/v2/nowhere", 4711))
    assert house.head(dgst) == 200


async def test_our_remove_makes_it_ask_storage_again(house: House) -> None:
    """What the Go registry knew by its cache alone is gone for it when we removed it."""
    dgst = house.push()
    house.lose_the_files()
    assert house.head(dgst) == 200, "the Go registry answers from the cache"
    async with RedisCache(house.redis.url) as cache, cache.removing(CTX, REPO, dgst):
        pass
    assert house.head(dgst) == 404


@pytest.mark.parametrize("writer", ["the Go registry", "us"])
async def test_its_delete_is_heeded_by_us(house: House, writer: str) -> None:
    """What is deleted through the Go registry has no stat any more, though we wrote more than it erases."""
    dgst = house.push()
    async with RedisCache(house.redis.url) as cache:
        meta = await cache.stat(CTX, REPO, dgst)
        if writer == "us":
            await cache.put(CTX, REPO, dgst, meta)
        assert house.registry.ask("DELETE", f"/v2/{REPO}/blobs/{dgst}").status == 202
        assert await cache.stat_many(CTX, REPO, [dgst]) == [None]
        with pytest.raises(NotFoundError):
            await cache.stat(CTX, REPO, dgst)
