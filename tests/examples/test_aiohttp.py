"""The example on aiohttp serves blobs as the one on FastAPI does."""

from collections.abc import Iterator

import pytest

from layercache.storage.layout import data_path
from tests.examples.registries import Client, example
from tests.storage.trees import ABSENT, Tree


@pytest.fixture(scope="module")
def blobs(tree: Tree) -> Iterator[Client]:
    """The example on aiohttp, over the same tree."""
    with example(tree.url, program="registry_aiohttp.py") as client:
        yield client


def test_same_as_the_other(blobs: Client, registry: Client, repo: str) -> None:
    """Whole, in part, unknown or malformed: each answer is that of the other registry."""
    dgst = registry.push(repo, bytes(range(256)) * 4000)
    asked = [
        (f"{repo}/blobs/{dgst}", {}),
        (f"{repo}/blobs/{dgst}", {"Range": "bytes=5-9"}),
        (f"{repo}/blobs/{dgst}", {"Range": "bytes=99999999-"}),
        (f"{repo}/blobs/{dgst}", {"If_None_Match": f'"{dgst}"'}),
        (f"{repo}/blobs/{ABSENT}", {}),
        (f"{repo}/other/blobs/{dgst}", {}),
        (f"{repo}/blobs/sha256:x", {}),
        (f"UPPER/blobs/{dgst}", {}),
    ]
    for path, headers in asked:
        ours, other = (client.ask("GET", f"/v2/{path}", b"", **headers) for client in (blobs, registry))
        assert ours.status == other.status
        assert ours.body == other.body or ours.code == other.code
        for name in ("Content-Range", "Docker-Content-Digest", "ETag"):
            assert ours.headers[name] == other.headers[name]
        head = blobs.head(f"/v2/{path}", **headers)
        assert (head.status, head.body) == (ours.status if "Range" not in headers else 200, b"")


def test_who_answers(blobs: Client, registry: Client, repo: str) -> None:
    """A GET asks the storage once, and what it said is known from then on; a HEAD asks it each time."""
    path = f"/v2/{repo}/blobs/{registry.push(repo, b'blob')}"
    asked = [blobs.ask(method, path) for method in ("GET", "GET", "HEAD", "GET")]
    timings = [answer.headers["Server-Timing"].partition(";")[0] for answer in asked]
    assert timings == ["source", "cache", "source", "cache"]


def test_heads_from_the_cache(tree: Tree, repo: str) -> None:
    """Told so, the cache answers a HEAD, too."""
    dgst, _ = tree.own_layer(repo)
    with example(tree.url, program="registry_aiohttp.py", heads="cached") as client:
        answers = [client.head(f"/v2/{repo}/blobs/{dgst}").headers["Server-Timing"] for _ in range(2)]
    assert [answer.partition(";")[0] for answer in answers] == ["source", "cache"]


def test_delete(blobs: Client, registry: Client, repo: str) -> None:
    """A blob that is deleted is gone, though it was known."""
    path = f"/v2/{repo}/blobs/{registry.push(repo, b'deleted')}"
    assert blobs.head(path).status == 200
    assert [blobs.ask("DELETE", path).status for _ in range(2)] == [202, 404]
    assert blobs.head(path).status == 404


def test_vanished_blob(blobs: Client, tree: Tree, repo: str) -> None:
    """A blob that vanished is unknown as soon as one wants to read it."""
    dgst, _ = tree.own_layer(repo)
    path = f"/v2/{repo}/blobs/{dgst}"
    assert blobs.get(path).status == 200
    tree.delete(data_path(dgst))
    assert blobs.get(path).code == "BLOB_UNKNOWN"
    assert blobs.head(path).status == 404
