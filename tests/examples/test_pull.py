"""Pull, the first workflow of the OCI distribution-spec: a test for each section."""

import pytest

from tests.examples.registries import INDEX, MANIFEST, Client
from tests.storage.trees import ABSENT

ALGORITHMS = pytest.mark.parametrize("algorithm", ["sha256", "sha512"])


def test_determining_support(registry: Client) -> None:
    """A registry that implements the specification says so at its root."""
    assert registry.get("/v2/").status == 200


@ALGORITHMS
def test_pulling_manifests(registry: Client, repo: str, algorithm: str) -> None:
    """A manifest is found by its digest and by its tag, with its own type, and another one is not."""
    dgst, content = registry.push_manifest(repo, "1.0", algorithm)
    for reference in ("1.0", dgst):
        answer = registry.get(f"/v2/{repo}/manifests/{reference}", Accept=MANIFEST)
        assert (answer.status, answer.body) == (200, content)
        assert answer.headers["Docker-Content-Digest"] == dgst
        assert answer.headers["Content-Type"] == MANIFEST
    for unknown in ("2.0", ABSENT):
        answer = registry.get(f"/v2/{repo}/manifests/{unknown}")
        assert (answer.status, answer.code) == (404, "MANIFEST_UNKNOWN")


@pytest.mark.parametrize("pushed", [INDEX, f"{INDEX}; charset=utf-8"])
def test_type_of_a_manifest(registry: Client, repo: str, pushed: str) -> None:
    """A manifest is pulled with the type that it was pushed with, and without parameters."""
    _, content = registry.push_manifest(repo, mediaType=INDEX, manifests=[])
    assert registry.ask("PUT", f"/v2/{repo}/manifests/1.0", content, Content_Type=pushed).status == 201
    assert registry.get(f"/v2/{repo}/manifests/1.0").headers["Content-Type"] == INDEX


def test_pulling_from_a_repository_that_does_not_exist(registry: Client, repo: str) -> None:
    """Where nothing was ever pushed, nothing is found, whatever others have."""
    dgst, _ = registry.push_manifest(f"{repo}/other", "1.0")
    for path in ("manifests/1.0", f"manifests/{dgst}", f"blobs/{registry.push(f'{repo}/other', b'x')}"):
        assert registry.get(f"/v2/{repo}/{path}").status == 404


@ALGORITHMS
def test_pulling_blobs(registry: Client, repo: str, algorithm: str) -> None:
    """A blob is found by its digest, whole or in part, and another one is not."""
    dgst = registry.push(repo, b"0123456789", algorithm)
    answer = registry.get(f"/v2/{repo}/blobs/{dgst}")
    assert (answer.status, answer.body) == (200, b"0123456789")
    assert answer.headers["Docker-Content-Digest"] == dgst
    part = registry.get(f"/v2/{repo}/blobs/{dgst}", Range="bytes=3-")
    assert (part.status, part.body) == (206, b"3456789")
    answer = registry.get(f"/v2/{repo}/blobs/{ABSENT}")
    assert (answer.status, answer.code) == (404, "BLOB_UNKNOWN")


@ALGORITHMS
def test_checking_if_content_exists_in_the_registry(registry: Client, repo: str, algorithm: str) -> None:
    """A HEAD says whether there is a blob or a manifest, by what digest, and how long it is."""
    manifest, content = registry.push_manifest(repo, "1.0", algorithm)
    blob, nothing = registry.push(repo, b"blob", algorithm), registry.push(repo, b"", algorithm)
    for path, dgst, length in (
        ("manifests/1.0", manifest, len(content)),
        (f"manifests/{manifest}", manifest, len(content)),
        (f"blobs/{blob}", blob, 4),
        (f"blobs/{nothing}", nothing, 0),
    ):
        answer = registry.head(f"/v2/{repo}/{path}")
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["Content-Length"] == str(length)
        assert answer.headers["Docker-Content-Digest"] == dgst
    for path in ("manifests/2.0", f"manifests/{ABSENT}", f"blobs/{ABSENT}"):
        assert registry.head(f"/v2/{repo}/{path}").status == 404
