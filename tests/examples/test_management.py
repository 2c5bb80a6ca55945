"""The other two workflows of the OCI distribution-spec 1.1: content discovery and content management."""

import json

import pytest

from tests.examples.registries import EMPTY, INDEX, Client
from tests.storage.trees import ABSENT, digest_of

# ---- content discovery


def test_listing_tags(registry: Client, repo: str) -> None:
    """Tags are listed in their order, and a repository to which nothing was pushed is unknown."""
    assert registry.get(f"/v2/{repo}/tags/list").code == "NAME_UNKNOWN"
    registry.push(repo, b"{}")
    assert registry.tags(repo) == []
    for tag in ("b", "a", "B", "1.0", "_x"):
        registry.push_manifest(repo, tag)
    assert registry.tags(repo) == ["1.0", "B", "_x", "a", "b"]


def test_listing_tags_in_pages(registry: Client, repo: str) -> None:
    """A client may ask for so many tags, and is told where the next ones are until there are none."""
    tags = [f"v{number}" for number in range(5)]
    for tag in tags:
        registry.push_manifest(repo, tag)
    assert registry.tags(repo, "?n=0") == []
    assert registry.tags(repo, "?last=v2") == ["v3", "v4"]
    path, pages = f"/v2/{repo}/tags/list?n=2", list[list[str]]()
    while path:
        answer = registry.get(path)
        pages.append(json.loads(answer.body)["tags"])
        link = answer.headers.get("Link", "")
        assert link == "" or link.endswith('>; rel="next"')
        path = link.partition(">")[0].removeprefix("<")
    assert pages == [["v0", "v1"], ["v2", "v3"], ["v4"]]


@pytest.mark.parametrize("number", ["-1", "x", "", "1" * 20])
def test_listing_senseless_pages(registry: Client, repo: str, number: str) -> None:
    """A number of tags that is none is the client's fault."""
    assert registry.get(f"/v2/{repo}/tags/list?n={number}").status == 400


def referrers(client: Client, repo: str, subject: str, query: str = "") -> list[dict[str, object]]:
    """What is about *subject*."""
    answer = client.get(f"/v2/{repo}/referrers/{subject}{query}")
    assert (answer.status, answer.headers["Content-Type"]) == (200, INDEX)
    index = json.loads(answer.body)
    assert (index["schemaVersion"], index["mediaType"]) == (2, INDEX)
    found: list[dict[str, object]] = index["manifests"]
    return found


def test_listing_referrers(registry: Client, repo: str) -> None:
    """What is about a manifest is listed with its type and its annotations, filtered if one likes."""
    subject, _ = registry.push_manifest(repo, "1.0")
    assert referrers(registry, repo, subject) == []
    about = {"digest": subject}
    signature, content = registry.push_manifest(
        repo, subject=about, artifactType="application/x.signature", annotations={"by": "us"}
    )
    other, _ = registry.push_manifest(repo, subject=about)
    found = {item["digest"]: item for item in referrers(registry, repo, subject)}
    assert found.keys() == {signature, other}
    assert found[other]["artifactType"] == EMPTY
    assert found[signature]["size"] == len(content)
    assert found[signature]["annotations"] == {"by": "us"}
    filtered = f"?artifactType={found[signature]['artifactType']}"
    assert [item["digest"] for item in referrers(registry, repo, subject, filtered)] == [signature]
    answer = registry.get(f"/v2/{repo}/referrers/{subject}{filtered}")
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"


def test_listing_referrers_of_nothing(registry: Client, repo: str) -> None:
    """Of a manifest that is not there the list is empty, and of what is no digest there is none."""
    assert referrers(registry, repo, ABSENT) == []
    assert registry.get(f"/v2/{repo}/referrers/x").code == "DIGEST_INVALID"


def test_enabling_the_referrers_api(registry: Client, repo: str) -> None:
    """What clients listed under a tag, when no registry did it for them, is listed as well."""
    subject, _ = registry.push_manifest(repo, "1.0")
    referrer, _ = registry.push_manifest(repo, subject={"digest": subject})
    stranger, _ = registry.push_manifest(repo, annotations={"about": "nothing"})
    listed = [{"digest": dgst} for dgst in (referrer, stranger)]
    registry.push_manifest(repo, subject.replace(":", "-"), mediaType=INDEX, manifests=listed)
    assert [item["digest"] for item in referrers(registry, repo, subject)] == [referrer]


# ---- content management


def test_deleting_tags(registry: Client, repo: str) -> None:
    """A tag that is deleted is gone, and the manifest is still there by its digest."""
    dgst, _ = registry.push_manifest(repo, "1.0")
    registry.push_manifest(repo, "2.0")
    assert registry.ask("DELETE", f"/v2/{repo}/manifests/1.0").status == 202
    assert registry.get(f"/v2/{repo}/manifests/1.0").status == 404
    assert registry.get(f"/v2/{repo}/manifests/{dgst}").status == 200
    assert registry.tags(repo) == ["2.0"]
    assert registry.ask("DELETE", f"/v2/{repo}/manifests/1.0").code == "MANIFEST_UNKNOWN"


def test_deleting_manifests(registry: Client, repo: str) -> None:
    """A manifest that is deleted is gone, with all its tags and from the lists of what is about another."""
    subject = digest_of(b"subject")
    dgst, _ = registry.push_manifest(repo, "1.0", subject={"digest": subject})
    registry.push_manifest(repo, "same", subject={"digest": subject})
    registry.push_manifest(repo, "other")
    assert registry.ask("DELETE", f"/v2/{repo}/manifests/{dgst}").status == 202
    for reference in (dgst, "1.0", "same"):
        assert registry.get(f"/v2/{repo}/manifests/{reference}").code == "MANIFEST_UNKNOWN"
    assert registry.tags(repo) == ["other"]
    assert referrers(registry, repo, subject) == []


@pytest.mark.parametrize("is_asked_before", [True, False])
def test_deleting_blobs(registry: Client, repo: str, is_asked_before: bool) -> None:
    """A blob that is deleted is gone from this repository and from no other, whatever the cache knew."""
    dgst = registry.push(repo, b"deleted")
    registry.push(f"{repo}/other", b"deleted")
    if is_asked_before:
        assert registry.head(f"/v2/{repo}/blobs/{dgst}").status == 200
    assert registry.ask("DELETE", f"/v2/{repo}/blobs/{dgst}").status == 202
    assert registry.get(f"/v2/{repo}/blobs/{dgst}").code == "BLOB_UNKNOWN"
    assert registry.ask("DELETE", f"/v2/{repo}/blobs/{dgst}").code == "BLOB_UNKNOWN"
    assert registry.get(f"/v2/{repo}/other/blobs/{dgst}").body == b"deleted"
    registry.push(repo, b"deleted")
    assert registry.get(f"/v2/{repo}/blobs/{dgst}").body == b"deleted"
