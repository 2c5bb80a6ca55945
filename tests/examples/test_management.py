"""Content management, the fourth workflow of the OCI distribution-spec: a test for each section."""

import pytest

from tests.examples.registries import Client
from tests.examples.test_discovery import referrers
from tests.storage.trees import digest_of

ALGORITHMS = pytest.mark.parametrize("algorithm", ["sha256", "sha512"])


def test_deleting_tags(registry: Client, repo: str) -> None:
    """A tag that is deleted is gone, and the manifest is still there by its digest."""
    dgst, _ = registry.push_manifest(repo, "1.0")
    registry.push_manifest(repo, "2.0")
    assert registry.ask("DELETE", f"/v2/{repo}/manifests/1.0").status == 202
    assert registry.get(f"/v2/{repo}/manifests/1.0").status == 404
    assert registry.get(f"/v2/{repo}/manifests/{dgst}").status == 200
    assert registry.tags(repo) == ["2.0"]
    assert registry.ask("DELETE", f"/v2/{repo}/manifests/1.0").code == "MANIFEST_UNKNOWN"


@ALGORITHMS
def test_deleting_manifests(registry: Client, repo: str, algorithm: str) -> None:
    """A manifest that is deleted is gone, with all its tags and from the lists of what is about another."""
    subject = digest_of(b"subject", algorithm)
    dgst, _ = registry.push_manifest(repo, "1.0", algorithm, subject={"digest": subject})
    registry.push_manifest(repo, "same", algorithm, subject={"digest": subject})
    registry.push_manifest(repo, "other")
    assert len(referrers(registry, repo, subject)) == 1
    assert [registry.ask("DELETE", f"/v2/{repo}/manifests/{dgst}").status for _ in range(2)] == [202, 404]
    for reference in (dgst, "1.0", "same"):
        assert registry.get(f"/v2/{repo}/manifests/{reference}").code == "MANIFEST_UNKNOWN"
    assert registry.tags(repo) == ["other"]
    assert referrers(registry, repo, subject) == []


def test_deleting_from_a_repository_that_does_not_exist(registry: Client, repo: str) -> None:
    """Where nothing was ever pushed there is nothing to delete, and others keep what they have."""
    dgst, _ = registry.push_manifest(f"{repo}/other", "1.0")
    blob = registry.push(f"{repo}/other", b"kept")
    for path, code in (
        ("manifests/1.0", "MANIFEST_UNKNOWN"),
        (f"manifests/{dgst}", "MANIFEST_UNKNOWN"),
        (f"blobs/{blob}", "BLOB_UNKNOWN"),
    ):
        answer = registry.ask("DELETE", f"/v2/{repo}/{path}")
        assert (answer.status, answer.code) == (404, code)
        assert registry.head(f"/v2/{repo}/other/{path}").status == 200


@ALGORITHMS
@pytest.mark.parametrize("is_asked_before", [True, False])
def test_deleting_blobs(registry: Client, repo: str, algorithm: str, is_asked_before: bool) -> None:
    """A blob that is deleted is gone from this repository and from no other, whatever the cache knew."""
    dgst = registry.push(repo, b"deleted", algorithm)
    registry.push(f"{repo}/other", b"deleted", algorithm)
    if is_asked_before:
        assert registry.head(f"/v2/{repo}/blobs/{dgst}").status == 200
    assert registry.ask("DELETE", f"/v2/{repo}/blobs/{dgst}").status == 202
    assert registry.get(f"/v2/{repo}/blobs/{dgst}").code == "BLOB_UNKNOWN"
    assert registry.ask("DELETE", f"/v2/{repo}/blobs/{dgst}").code == "BLOB_UNKNOWN"
    assert registry.get(f"/v2/{repo}/other/blobs/{dgst}").body == b"deleted"
    registry.push(repo, b"deleted", algorithm)
    assert registry.get(f"/v2/{repo}/blobs/{dgst}").body == b"deleted"
