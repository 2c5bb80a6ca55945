"""Push, the second workflow of the OCI distribution-spec: a test for each section on manifests."""

import base64
import json

import pytest

from tests.examples.registries import EMPTY, INDEX, MANIFEST, Client
from tests.storage.trees import ABSENT, digest_of

ALGORITHMS = pytest.mark.parametrize("algorithm", ["sha256", "sha512"])


@ALGORITHMS
def test_pushing_manifests(registry: Client, repo: str, algorithm: str) -> None:
    """A manifest is kept byte for byte, by its digest or under a tag, and its place is told."""
    _, content = registry.push_manifest(repo)
    content = b" " + content + b"\n"
    dgst = digest_of(content, algorithm)
    for reference, known in ((dgst, dgst), ("1.0", digest_of(content))):
        path = f"/v2/{repo}/manifests/{reference}"
        answer = registry.ask("PUT", path, content, Content_Type=MANIFEST)
        assert (answer.status, answer.headers["Docker-Content-Digest"]) == (201, known)
        for place in (path, answer.headers["Location"]):
            assert registry.get(place).body == content


@ALGORITHMS
def test_pushing_manifests_with_tags(registry: Client, repo: str, algorithm: str) -> None:
    """A manifest pushed by its digest may get tags in the same request, each told in the header OCI-Tag."""
    _, content = registry.push_manifest(repo)
    dgst, tags = digest_of(content, algorithm), [f"v{number}" for number in range(10, 20)]
    path = f"/v2/{repo}/manifests/{dgst}?tag={'&tag='.join(tags)}"
    answer = registry.ask("PUT", path, content)
    assert (answer.status, answer.headers.get_all("OCI-Tag")) == (201, tags)
    assert registry.tags(repo) == tags
    assert {registry.get(f"/v2/{repo}/manifests/{tag}").headers["ETag"] for tag in tags} == {f'"{dgst}"'}


def test_too_many_tags(registry: Client, repo: str) -> None:
    """Of more tags than a registry likes, or with one that is none, nothing is kept."""
    _, content = registry.push_manifest(repo)
    path = f"/v2/{repo}/manifests/{digest_of(content)}"
    assert registry.ask("PUT", path + "?" + "&".join(["tag=x"] * 21), content).status == 414
    assert registry.ask("PUT", f"{path}?tag=x&tag=.y", content).code == "MANIFEST_INVALID"
    assert registry.tags(repo) == []


@pytest.mark.parametrize(
    "parts",
    [
        {"layers": []},
        {"mediaType": INDEX, "manifests": []},
        {
            "config": {
                "mediaType": EMPTY,
                "digest": digest_of(b"{}"),
                "size": 2,
                "data": base64.b64encode(b"{}").decode(),
            }
        },
        {
            "layers": [
                {"mediaType": "application/x", "digest": ABSENT, "size": 9, "urls": ["https://elsewhere/"]}
            ]
        },
        {"of-nobodys-business": {"not": ["specified"]}},
    ],
    ids=["no layers", "no manifests", "embedded data", "layer that lies elsewhere", "unknown field"],
)
def test_manifests_of_all_kinds(registry: Client, repo: str, parts: dict[str, object]) -> None:
    """A manifest may list nothing, carry what it describes, name what lies elsewhere, or say more."""
    _, content = registry.push_manifest(repo, "1.0", "sha256", **parts)
    assert registry.get(f"/v2/{repo}/manifests/1.0").body == content


def test_lists_that_are_null(registry: Client, repo: str) -> None:
    """A list that is null is empty, as it is to a client in Go."""
    content = b'{"schemaVersion": 2, "config": null, "layers": null, "manifests": null, "subject": null}'
    assert registry.ask("PUT", f"/v2/{repo}/manifests/1.0", content).status == 201
    assert registry.get(f"/v2/{repo}/manifests/1.0").body == content


def test_index_of_indexes(registry: Client, repo: str) -> None:
    """An index may list images, and other indexes."""
    listed: list[dict[str, object]] = []
    for number in range(3):
        dgst, content = registry.push_manifest(repo, annotations={"number": str(number)})
        listed = [*listed[:1], {"mediaType": MANIFEST, "digest": dgst, "size": len(content)}]
        dgst, content = registry.push_manifest(repo, mediaType=INDEX, manifests=listed)
        listed = [{"mediaType": INDEX, "digest": dgst, "size": len(content)}]
    registry.push_manifest(repo, "1.0", mediaType=INDEX, manifests=listed)
    assert json.loads(registry.get(f"/v2/{repo}/manifests/1.0").body)["manifests"] == listed


def test_manifest_of_what_is_not_there(registry: Client, repo: str) -> None:
    """A manifest is refused that names a blob, or another manifest, which the repository does not have."""
    missing = [{"mediaType": EMPTY, "digest": registry.push(f"{repo}/other", b"not here"), "size": 8}]
    for manifest in ({"layers": missing}, {"config": missing[0]}, {"mediaType": INDEX, "manifests": missing}):
        answer = registry.ask(
            "PUT", f"/v2/{repo}/manifests/1.0", json.dumps({"schemaVersion": 2} | manifest).encode()
        )
        assert (answer.status, answer.code) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert registry.get(f"/v2/{repo}/manifests/1.0").status == 404


@pytest.mark.parametrize(
    "part",
    [
        '"artifactType": ["x"]',
        '"artifactType": {"x": 1}',
        '"artifactType": 0',
        '"config": {"mediaType": 7}',
        '"annotations": 7',
        '"annotations": ["x"]',
        '"annotations": {"x": 7}',
        '"annotations": {"x": NaN}',
        '"x": -Infinity',
    ],
)
def test_manifest_that_others_could_not_read(registry: Client, repo: str, part: str) -> None:
    """A manifest that would spoil the list of what is about its subject is refused, and nothing is kept."""
    subject, _ = registry.push_manifest(repo, "1.0")
    content = f'{{"schemaVersion": 2, "subject": {{"digest": "{subject}"}}, {part}}}'.encode()
    answer = registry.ask("PUT", f"/v2/{repo}/manifests/2.0", content)
    assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")
    assert registry.get(f"/v2/{repo}/manifests/{digest_of(content)}").status == 404
    listed = registry.get(f"/v2/{repo}/referrers/{subject}")
    assert (listed.status, json.loads(listed.body)["manifests"]) == (200, [])


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        (ABSENT, "DIGEST_INVALID"),
        (digest_of(b"absent", "sha512"), "DIGEST_INVALID"),
        ("sha256:bad", "DIGEST_INVALID"),
        ("md5:00", "DIGEST_INVALID"),
        ("x:y:z", "DIGEST_INVALID"),
        (".x", "MANIFEST_INVALID"),
        ("x" * 129, "MANIFEST_INVALID"),
    ],
)
def test_manifest_by_another_name(registry: Client, repo: str, reference: str, code: str) -> None:
    """A manifest is not kept by a digest that is not its own, nor under what cannot be a tag."""
    answer = registry.ask("PUT", f"/v2/{repo}/manifests/{reference}", b"{}")
    assert (answer.status, answer.code) == (400, code)


def test_manifest_by_the_longest_name(registry: Client, repo: str) -> None:
    """A tag has 128 characters at most, and that many it may have."""
    registry.push_manifest(repo, "_" + "aZ9._-" * 21 + "x")
    [tag] = registry.tags(repo)
    assert len(tag) == 128


def test_manifest_that_is_too_long(registry: Client, repo: str) -> None:
    """A manifest may have four megabytes, and no more."""
    path, limit = f"/v2/{repo}/manifests/1.0", 4 * 1024 * 1024
    longest = b'{"schemaVersion": 2}'.ljust(limit)
    assert registry.ask("PUT", path, longest).status == 201
    assert registry.get(path).body == longest
    assert registry.ask("PUT", path, longest + b" ").status == 413


def test_subject_that_no_file_can_be_named_by(registry: Client, repo: str) -> None:
    """A manifest about what can be nowhere is refused, and nothing is kept."""
    content = json.dumps({"schemaVersion": 2, "subject": {"digest": f"future:{'a' * 500}"}}).encode()
    answer = registry.ask("PUT", f"/v2/{repo}/manifests/1.0", content)
    assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")
    assert registry.get(f"/v2/{repo}/manifests/{digest_of(content)}").status == 404


@ALGORITHMS
def test_pushing_manifests_with_subject(registry: Client, repo: str, algorithm: str) -> None:
    """A manifest about another one, which need not be there, is answered with the header OCI-Subject."""
    subject = digest_of(b"subject", algorithm)
    for kind in ({}, {"mediaType": INDEX, "manifests": []}):
        content = json.dumps({"schemaVersion": 2, "subject": {"digest": subject}, "of": repo} | kind).encode()
        answer = registry.ask("PUT", f"/v2/{repo}/manifests/{digest_of(content)}", content)
        assert (answer.status, answer.headers["OCI-Subject"]) == (201, subject)
    _, content = registry.push_manifest(repo)
    assert registry.ask("PUT", f"/v2/{repo}/manifests/1.0", content).headers["OCI-Subject"] is None
