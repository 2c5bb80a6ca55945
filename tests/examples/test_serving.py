"""What the example registry serves, to clients that ask as they should."""

import json

import pytest

from tests.examples.registries import Client
from tests.storage.trees import ABSENT, Tree

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.mark.parametrize("path", ["/v2/", "/v2"])
def test_version(registry: Client, path: str) -> None:
    """The root of the API says that this is a registry."""
    answer = registry.get(path)
    assert (answer.status, answer.body) == (200, b"{}")
    assert answer.headers["Docker-Distribution-API-Version"] == "registry/2.0"
    assert registry.head(path).status == 200


@pytest.mark.parametrize("size", [0, 1, 3_000_000], ids=["empty", "a byte", "many chunks"])
def test_blob(registry: Client, tree: Tree, repo: str, size: int) -> None:
    """A blob is served whole, with all that a client needs to check it."""
    dgst, content = tree.own_layer(repo, size)
    answer = registry.get(f"/v2/{repo}/blobs/{dgst}")
    assert (answer.status, answer.body == content) == (200, True)
    assert answer.headers["Content-Length"] == str(size)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Docker-Content-Digest"] == dgst
    assert answer.headers["ETag"] == f'"{dgst}"'
    assert answer.headers["Accept-Ranges"] == "bytes"


def test_manifest(registry: Client, tree: Tree, repo: str) -> None:
    """A manifest is served by its tag and by its digest, byte for byte and with its type."""
    content = json.dumps({"mediaType": DOCKER_MANIFEST, "of": repo}, indent=3).encode()
    dgst = tree.manifest(repo, "1.0", content)
    for reference in ("1.0", dgst):
        answer = registry.get(f"/v2/{repo}/manifests/{reference}", Accept=OCI_INDEX)
        assert (answer.status, answer.body) == (200, content)
        assert answer.headers["Content-Type"] == DOCKER_MANIFEST
        assert answer.headers["Docker-Content-Digest"] == dgst
        assert answer.headers["Content-Length"] == str(len(content))


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        ({"mediaType": OCI_INDEX, "manifests": []}, OCI_INDEX),
        ({"manifests": []}, OCI_INDEX),
        ({"config": {}}, OCI_MANIFEST),
        ({"mediaType": "text/html"}, OCI_MANIFEST),
        ({"mediaType": "application/x\r\nX: y"}, OCI_MANIFEST),
        ({"mediaType": "application/\u4e00"}, OCI_MANIFEST),
        ({"mediaType": 1}, OCI_MANIFEST),
    ],
    ids=["said", "index", "manifest", "page", "header", "letter", "number"],
)
def test_type_of_manifest(
    registry: Client, tree: Tree, repo: str, content: dict[str, object], media_type: str
) -> None:
    """A manifest has the type that it says, unless that is none that a manifest could have."""
    tree.manifest(repo, "1.0", json.dumps(content | {"of": repo}).encode())
    answer = registry.get(f"/v2/{repo}/manifests/1.0")
    assert answer.headers["Content-Type"] == media_type


def test_head_is_get_without_body(registry: Client, tree: Tree, repo: str) -> None:
    """A HEAD says what the GET says, and no more."""
    dgst, _ = tree.own_layer(repo)
    tree.manifest(repo, "1.0", b'{"config": {}}')
    varying = {"date", "server-timing"}
    for path in (f"blobs/{dgst}", "manifests/1.0", f"blobs/{ABSENT}", "blobs/x", "manifests/2.0"):
        get, head = registry.get(f"/v2/{repo}/{path}"), registry.head(f"/v2/{repo}/{path}")
        assert (head.status, head.body) == (get.status, b"")
        for name in {*map(str.lower, get.headers), *map(str.lower, head.headers)} - varying:
            assert head.headers.get(name) == get.headers.get(name), name


def test_who_answers(registry: Client, tree: Tree, repo: str) -> None:
    """A GET asks the source once, and what it said is known from then on; a HEAD asks it each time."""
    dgst, _ = tree.own_layer(repo)
    asked = [registry.ask(method, f"/v2/{repo}/blobs/{dgst}") for method in ("GET", "GET", "HEAD", "GET")]
    timings = [answer.headers["Server-Timing"].partition(";dur=")[0] for answer in asked]
    assert timings == ["source", "cache", "source", "cache"]


# ---- parts and conditions


WHOLE = (200, None, b"0123456789")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("bytes=0-3", (206, "bytes 0-3/10", b"0123")),
        ("bytes=9-9", (206, "bytes 9-9/10", b"9")),
        ("bytes=4-", (206, "bytes 4-9/10", b"456789")),
        ("bytes=4-99", (206, "bytes 4-9/10", b"456789")),
        ("bytes=0-9", (206, "bytes 0-9/10", b"0123456789")),
        ("bytes=-5", (206, "bytes 5-9/10", b"56789")),
        ("bytes=-99", (206, "bytes 0-9/10", b"0123456789")),
        ("bytes=10-", (416, "bytes */10", None)),
        ("bytes=10-12", (416, "bytes */10", None)),
        ("bytes=-0", (416, "bytes */10", None)),
        ("bytes=5-4", (416, "bytes */10", None)),
        ("bytes=-", WHOLE),
        ("bytes=0-1,3-4", WHOLE),
        ("bytes=a-b", WHOLE),
        ("bytes=\u00b2-", WHOLE),
        ("lines=0-1", WHOLE),
        (f"bytes=0-{'9' * 5000}", WHOLE),
    ],
)
def test_range(
    registry: Client, tree: Tree, wanted: str, expected: tuple[int, str | None, bytes | None]
) -> None:
    """A part is served where one is asked for, and what makes no sense is not heard."""
    dgst = tree.layer("ranges", b"0123456789")
    answer = registry.get(f"/v2/ranges/blobs/{dgst}", Range=wanted)
    body = None if answer.status == 416 else answer.body
    assert (answer.status, answer.headers["Content-Range"], body) == expected
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert body is not None or answer.code == "SIZE_INVALID"


def test_head_has_no_parts(registry: Client, tree: Tree) -> None:
    """A HEAD tells of the whole blob, whatever part it names."""
    dgst = tree.layer("ranges", b"0123456789")
    answer = registry.head(f"/v2/ranges/blobs/{dgst}", Range="bytes=0-3")
    assert (answer.status, answer.headers["Content-Length"]) == (200, "10")


def test_range_of_nothing(registry: Client, tree: Tree) -> None:
    """Of an empty blob no part is served, but all of it."""
    dgst = tree.layer("ranges", b"")
    answer = registry.get(f"/v2/ranges/blobs/{dgst}", Range="bytes=0-3")
    assert (answer.status, answer.body) == (200, b"")


def test_range_if_it_is_still_the_same(registry: Client, tree: Tree) -> None:
    """A part is served only of what the client has begun to fetch."""
    dgst = tree.layer("ranges", b"0123456789")
    path = f"/v2/ranges/blobs/{dgst}"
    assert registry.get(path, Range="bytes=0-3", If_Range=f'"{dgst}"').status == 206
    assert registry.get(path, Range="bytes=0-3", If_Range=f'"{ABSENT}"').status == 200


@pytest.mark.parametrize(
    ("known", "status"),
    [('"{}"', 304), ('"a", W/"{}"', 304), ("*", 304), (f'"{ABSENT}"', 200), ("{}", 200), ("", 200)],
)
def test_what_the_client_has(registry: Client, tree: Tree, repo: str, known: str, status: int) -> None:
    """What a client says it has is not sent again."""
    blob, _ = tree.own_layer(repo)
    manifest = tree.manifest(repo, "1.0", b'{"config": {}}')
    for path, dgst in ((f"blobs/{blob}", blob), ("manifests/1.0", manifest)):
        answer = registry.get(f"/v2/{repo}/{path}", If_None_Match=known.format(dgst))
        assert answer.status == status
        assert answer.headers["ETag"] == f'"{dgst}"'
        assert bool(answer.body) == (status == 200)
