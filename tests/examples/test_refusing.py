"""What the example registry refuses, to clients that ask as nobody should."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.examples.registries import CODES, Client
from tests.storage.trees import ABSENT, Tree


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/", 404),
        ("GET", "/v2/unknown/tags/list", 404),
        ("GET", "/v2/unknown/tags/list?n=x", 400),
        ("GET", "/v2/x/referrers/x", 400),
        ("PUT", "/v2/x/tags/list", 405),
        ("PUT", f"/v2/x/manifests/{ABSENT}", 400),
        ("PUT", f"/v2/x/manifests/{ABSENT}?{'tag=x&' * 21}", 414),
        ("DELETE", f"/v2/x/blobs/{ABSENT}", 404),
        ("POST", f"/v2/x/blobs/uploads/?digest={ABSENT}", 400),
        ("PUT", f"/v2/x/blobs/uploads/x?digest={ABSENT}", 404),
    ],
)
def test_error_codes(registry: Client, method: str, path: str, status: int) -> None:
    """Whatever is refused, it is so by a code of the specification."""
    answer = registry.ask(method, path, b"{}" if method == "PUT" else b"")
    assert (answer.status, answer.code in CODES) == (status, True)


@pytest.mark.parametrize(
    "repo", ["UPPER", "-x", "x-", "a//b", "a/", "_layers", "x" * 256, "a%00b", "a%5cb", "%ff"]
)
def test_invalid_name(registry: Client, repo: str) -> None:
    """A repository that the grammar has no room for is the client's fault."""
    for path in (f"/v2/{repo}/blobs/{ABSENT}", f"/v2/{repo}/manifests/1.0"):
        answer = registry.get(path)
        assert (answer.status, answer.code) == (400, "NAME_INVALID")


@pytest.mark.parametrize(
    "dgst", ["sha256:", "sha256:AB", "sha256:" + "g" * 64, "sha256:..", "a%00:b", "x:%5c", "x:y:z"]
)
def test_invalid_digest(registry: Client, dgst: str) -> None:
    """A digest that is none is the client's fault."""
    for path in (f"/v2/x/blobs/{dgst}", f"/v2/x/manifests/{dgst}"):
        answer = registry.get(path)
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


def test_digest_that_no_file_can_be_named_by(registry: Client, tree: Tree, repo: str) -> None:
    """A digest that is well-formed, and longer than a file name can be, is nowhere."""
    tree.own_layer(repo)
    answer = registry.get(f"/v2/{repo}/blobs/future:{'a' * 500}")
    assert (answer.status, answer.code) == (404, "BLOB_UNKNOWN")


@pytest.fixture(scope="module")
def secret(tree: Tree) -> Iterator[Path]:
    """A file beside the tree."""
    folder = Path(tree.url.removeprefix("file://"))
    file = folder.with_name(f"{folder.name}-secret")
    file.write_text("secret")
    yield file
    file.unlink()


@pytest.mark.parametrize(
    "path",
    [
        "/v2/../../../../{}",
        "/v2/x/blobs/../../../../{}",
        "/v2/x/blobs/..%2f..%2f..%2f..%2f{}",
        "/v2/x/blobs/%2e%2e/%2e%2e/%2e%2e/%2e%2e/{}",
        "/v2/x/blobs/%252e%252e%252f{}",
        "/v2/x/blobs/..\\..\\..\\{}",
        "/v2/x/blobs/..%5c..%5c{}",
        "/v2/x/blobs/sha256:..%2f..%2f{}",
        "/v2/x/blobs/{}%00",
        "/v2/x/manifests/..%2f..%2f..%2f{}",
        "/v2/x/manifests/%2e%2e",
        "/v2/..%2f..%2f..%2f{}/manifests/1.0",
        "/v2/../../{}/blobs/" + ABSENT,
        "/{}",
        "//{}",
    ],
)
def test_traversal(registry: Client, secret: Path, path: str) -> None:
    """No path, however it is written, reaches a file that is not the tree's."""
    answer = registry.get(path.format(secret.name))
    assert answer.status in {400, 404}
    assert answer.code in {"NAME_INVALID", "DIGEST_INVALID", "MANIFEST_UNKNOWN", "UNSUPPORTED"}
    assert b"secret" not in answer.body.replace(secret.name.encode(), b"")


def test_nothing_of_other_repositories(registry: Client, tree: Tree, repo: str) -> None:
    """What another repository has is unknown in this one, before it was asked for there and after."""
    dgst, _ = tree.own_layer(repo)
    manifest = tree.manifest(repo, "1.0", b'{"config": {}}')
    for _ in range(2):
        for path, code in ((f"blobs/{dgst}", "BLOB_UNKNOWN"), (f"manifests/{manifest}", "MANIFEST_UNKNOWN")):
            answer = registry.get(f"/v2/{repo}/other/{path}")
            assert (answer.status, answer.code) == (404, code)
            assert registry.get(f"/v2/{repo}/{path}").status == 200


def test_manifest_is_no_blob(registry: Client, tree: Tree, repo: str) -> None:
    """A layer is not served as a manifest, nor a manifest that is not linked as a layer."""
    dgst, _ = tree.own_layer(repo)
    assert registry.get(f"/v2/{repo}/manifests/{dgst}").code == "MANIFEST_UNKNOWN"
    manifest = tree.manifest(repo, "1.0", b'{"config": {}}')
    assert registry.get(f"/v2/{repo}/blobs/{manifest}").code == "BLOB_UNKNOWN"


@pytest.mark.parametrize("reference", ["2.0", ".hidden", "%2e%2e", "x" * 200, ABSENT])
def test_unknown_manifest(registry: Client, tree: Tree, repo: str, reference: str) -> None:
    """A reference that stands for nothing is unknown, also one that never could."""
    tree.manifest(repo, "1.0", b"{}")
    answer = registry.get(f"/v2/{repo}/manifests/{reference}")
    assert (answer.status, answer.code) == (404, "MANIFEST_UNKNOWN")


@pytest.mark.parametrize(
    "path", ["/v1/", "/v2/x", "/v2/x/blobs/", "/v2/x/tags/", "/v2/x/tags/x", "/v2/_catalog", "/docs"]
)
def test_unknown_route(registry: Client, path: str) -> None:
    """What is no route of this registry is told in the specification's words."""
    answer = registry.get(path)
    assert (answer.status, answer.code) == (404, "UNSUPPORTED")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", f"blobs/{ABSENT}", "DELETE, GET, HEAD"),
        ("POST", "manifests/1.0", "DELETE, GET, HEAD, PUT"),
        ("DELETE", "tags/list", "GET"),
        ("GET", "blobs/uploads/", "POST"),
        ("POST", "blobs/uploads/x", "DELETE, GET, PATCH, PUT"),
    ],
)
def test_unsupported_method(registry: Client, method: str, path: str, allowed: str) -> None:
    """A method that makes no sense is not supported, and it is said which do."""
    answer = registry.ask(method, f"/v2/x/{path}")
    assert (answer.status, answer.code) == (405, "UNSUPPORTED")
    assert answer.headers["Allow"] == allowed
