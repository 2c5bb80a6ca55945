"""What the example registry makes of a tree that is broken, and of storages of other kinds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from layercache.storage.layout import data_path, layer_link_path, revision_link_path, tag_link_path
from tests.examples.registries import EXAMPLES, Client, example
from tests.storage.servers import running_s3
from tests.storage.trees import ABSENT, Tree, digest_of


def test_truncated_link(registry: Client, tree: Tree, repo: str) -> None:
    """A link that is truncated is an error that names it, and after its repair the layer is there."""
    dgst, content = tree.own_layer(repo)
    path = layer_link_path(repo, dgst)
    tree.write(path, dgst[:20].encode())
    answer = registry.get(f"/v2/{repo}/blobs/{dgst}")
    assert (answer.status, answer.code) == (500, "UNKNOWN")
    assert path in answer.message
    tree.write(path, dgst.encode())
    assert registry.get(f"/v2/{repo}/blobs/{dgst}").body == content


def test_truncated_link_that_the_cache_knew(registry: Client, tree: Tree, repo: str) -> None:
    """A link that is truncated after the cache said yes is found by a mount, which heals the cache."""
    dgst, content = tree.own_layer(repo)
    path, link = f"/v2/{repo}/blobs/{dgst}", layer_link_path(repo, dgst)
    assert registry.get(path).status == 200
    tree.write(link, dgst[:20].encode())
    assert registry.get(path).status == 200  # A hit does not read the link.
    answer = registry.ask("POST", f"/v2/{repo}/other/blobs/uploads/?mount={dgst}&from={repo}")
    assert (answer.status, answer.code) == (500, "UNKNOWN")
    assert link in answer.message
    assert registry.get(path).status == 500
    tree.write(link, dgst.encode())
    assert registry.get(path).body == content


def test_truncated_links_of_manifests(registry: Client, tree: Tree, repo: str) -> None:
    """The links of a manifest are held to the same."""
    dgst = tree.manifest(repo, "1.0", b'{"config": {}}')
    for path in (tag_link_path(repo, "1.0"), revision_link_path(repo, dgst)):
        tree.write(path, b"")
        answer = registry.get(f"/v2/{repo}/manifests/1.0")
        assert (answer.status, answer.code) == (500, "UNKNOWN")
        assert path in answer.message
        tree.write(path, dgst.encode())
    assert registry.get(f"/v2/{repo}/manifests/1.0").status == 200


def test_vanished_blob(registry: Client, tree: Tree, repo: str) -> None:
    """A blob that vanished is unknown as soon as one wants to read it, and known again when it is back."""
    dgst, content = tree.own_layer(repo)
    path = f"/v2/{repo}/blobs/{dgst}"
    assert registry.get(path).status == 200
    tree.delete(data_path(dgst))
    answer = registry.get(path)
    assert (answer.status, answer.code) == (404, "BLOB_UNKNOWN")
    assert registry.head(path).status == 404
    tree.write(data_path(dgst), content)
    assert registry.head(path).status == 200
    assert registry.get(path).body == content


def test_vanished_manifest(registry: Client, tree: Tree, repo: str) -> None:
    """A manifest that vanished is unknown, and known again when it is back."""
    content = json.dumps({"of": repo}).encode()
    dgst = tree.manifest(repo, "1.0", content)
    path = f"/v2/{repo}/manifests/1.0"
    assert registry.get(path).status == 200
    tree.delete(data_path(dgst))
    for _ in range(2):
        answer = registry.get(path)
        assert (answer.status, answer.code) == (404, "MANIFEST_UNKNOWN")
    tree.write(data_path(dgst), content)
    assert registry.get(path).body == content


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[]", b"{", b"[" * 200_000],
    ids=["empty", "binary", "list", "truncated", "deep"],
)
def test_corrupt_manifest(registry: Client, tree: Tree, repo: str, content: bytes) -> None:
    """What lies in a manifest's place and is none is an error that says where."""
    dgst = tree.manifest(repo, "1.0", content)
    answer = registry.get(f"/v2/{repo}/manifests/1.0")
    assert (answer.status, answer.code) == (500, "UNKNOWN")
    assert data_path(dgst) in answer.message


def test_storage_that_goes_away(tmp_path: Path) -> None:
    """While the storage is not there, nothing is denied: it is unavailable."""
    root = tmp_path / "root"
    root.mkdir()
    tree = Tree(root.as_uri())
    dgst = tree.layer("x", b"layer")
    with example(str(root)) as client:
        root.rename(tmp_path / "elsewhere")
        for path in (f"blobs/{dgst}", "manifests/1.0"):
            answer = client.get(f"/v2/x/{path}")
            assert (answer.status, answer.code) == (503, "UNAVAILABLE")
        (tmp_path / "elsewhere").rename(root)
        assert client.get(f"/v2/x/blobs/{dgst}").body == b"layer"


def test_missing_root(tmp_path: Path) -> None:
    """A root that does not exist is told in one line, and nothing is served."""
    command = [
        sys.executable,
        str(EXAMPLES / "registry_fastapi.py"),
        "--root",
        str(tmp_path / "missing"),
        "--port",
        "0",
    ]
    outcome = subprocess.run(command, check=False, capture_output=True, text=True)
    assert outcome.returncode == 2
    assert "missing" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_cache_that_nobody_knows(tmp_path: Path) -> None:
    """A cache that does not exist is told in one line, with those that do."""
    program = str(EXAMPLES / "registry_fastapi.py")
    command = [sys.executable, program, "--root", str(tmp_path), "--port", "0", "--cache", "etcd://x"]
    outcome = subprocess.run(command, check=False, capture_output=True, text=True)
    assert outcome.returncode == 2
    assert "known are memory, redis" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_bucket() -> None:
    """A tree in a bucket is served and pushed to as one on disk is, with settings from the environment."""
    with running_s3() as s3:
        url = f"s3://{s3.new_bucket()}/prefix"
        tree = Tree(url, **s3.options)
        dgst, content = tree.own_layer("x", 600_000)
        tree.manifest("x", "1.0", b'{"config": {}}')
        env = {
            "AWS_ENDPOINT_URL": s3.endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "access",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }
        with example(url, **env) as client:
            assert client.get("/v2/x/manifests/1.0").body == b'{"config": {}}'
            assert client.get(f"/v2/x/blobs/{dgst}").body == content
            assert client.get(f"/v2/x/blobs/{dgst}", Range="bytes=-7").body == content[-7:]
            assert client.get(f"/v2/x/blobs/{ABSENT}").code == "BLOB_UNKNOWN"
            pushed, written = client.push_manifest("y", "1.0")
            assert client.get("/v2/y/manifests/1.0").body == written
            location = client.begin("y")
            client.ask("PATCH", location, b"in ")
            assert client.ask("PUT", f"{location}?digest={digest_of(b'in parts')}", b"parts").status == 201
            assert client.get(f"/v2/y/blobs/{digest_of(b'in parts')}").body == b"in parts"
            assert client.ask("DELETE", f"/v2/y/manifests/{pushed}").status == 202
            assert client.tags("y") == []
