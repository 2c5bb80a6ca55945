"""Two workflows of the OCI distribution-spec 1.1, pull and push: a test for each section, by its title."""

import json

import pytest

from tests.examples.registries import EMPTY, INDEX, MANIFEST, Client
from tests.storage.trees import ABSENT, digest_of

ALGORITHMS = pytest.mark.parametrize("algorithm", ["sha256", "sha512"])

# ---- pull


def test_pulling_manifests(registry: Client, repo: str) -> None:
    """A manifest is found by its digest and by its tag, with its own type, and another one is not."""
    dgst, content = registry.push_manifest(repo, "1.0")
    for reference in ("1.0", dgst):
        answer = registry.get(f"/v2/{repo}/manifests/{reference}", Accept=MANIFEST)
        assert (answer.status, answer.body) == (200, content)
        assert answer.headers["Docker-Content-Digest"] == dgst
        assert answer.headers["Content-Type"] == MANIFEST
    assert registry.get(f"/v2/{repo}/manifests/2.0").code == "MANIFEST_UNKNOWN"


@ALGORITHMS
def test_pulling_blobs(registry: Client, repo: str, algorithm: str) -> None:
    """A blob is found by its digest, whole or in part."""
    dgst = registry.push(repo, b"0123456789", algorithm)
    answer = registry.get(f"/v2/{repo}/blobs/{dgst}")
    assert (answer.status, answer.body) == (200, b"0123456789")
    assert answer.headers["Docker-Content-Digest"] == dgst
    part = registry.get(f"/v2/{repo}/blobs/{dgst}", Range="bytes=3-")
    assert (part.status, part.body) == (206, b"3456789")


def test_checking_if_content_exists_in_the_registry(registry: Client, repo: str) -> None:
    """A HEAD says whether there is a blob or a manifest, and how long it is."""
    dgst, content = registry.push_manifest(repo, "1.0")
    blob = registry.push(repo, b"blob")
    for path, length in (
        ("manifests/1.0", len(content)),
        (f"manifests/{dgst}", len(content)),
        (f"blobs/{blob}", 4),
    ):
        answer = registry.head(f"/v2/{repo}/{path}")
        assert (answer.status, answer.headers["Content-Length"]) == (200, str(length))
    for path in ("manifests/2.0", f"manifests/{ABSENT}", f"blobs/{ABSENT}"):
        assert registry.head(f"/v2/{repo}/{path}").status == 404


# ---- push


@ALGORITHMS
def test_post_then_put(registry: Client, repo: str, algorithm: str) -> None:
    """An upload is begun by a POST, and its PUT brings the whole blob."""
    dgst = digest_of(b"whole", algorithm)
    answer = registry.ask("PUT", f"{registry.begin(repo)}?digest={dgst}", b"whole")
    assert answer.status == 201
    assert answer.headers["Location"] == f"/v2/{repo}/blobs/{dgst}"
    assert registry.get(answer.headers["Location"]).body == b"whole"


@ALGORITHMS
def test_single_post(registry: Client, repo: str, algorithm: str) -> None:
    """A POST that brings the whole blob is all that it takes."""
    dgst = digest_of(b"single", algorithm)
    answer = registry.ask("POST", f"/v2/{repo}/blobs/uploads/?digest={dgst}", b"single")
    assert (answer.status, answer.headers["Location"]) == (201, f"/v2/{repo}/blobs/{dgst}")
    assert registry.get(answer.headers["Location"]).body == b"single"


@ALGORITHMS
@pytest.mark.parametrize("last", [b"", b"89"], ids=["empty PUT", "PUT with a chunk"])
def test_pushing_a_blob_in_chunks(registry: Client, repo: str, algorithm: str, last: bytes) -> None:
    """Chunks come in order, each is told how far the upload is, and a closing PUT may bring the last one."""
    location = registry.begin(repo)
    for number, content in enumerate((b"0123", b"4567")):
        place = f"{number * 4}-{number * 4 + 3}"
        answer = registry.ask("PATCH", location, content, Content_Range=place)
        assert (answer.status, answer.headers["Range"]) == (202, f"0-{number * 4 + 3}")
        location = answer.headers["Location"]
        status = registry.get(location)
        assert (status.status, status.headers["Range"]) == (204, f"0-{number * 4 + 3}")
    dgst = digest_of(b"01234567" + last, algorithm)
    answer = registry.ask("PUT", f"{location}?digest={dgst}", last)
    assert answer.status == 201
    assert registry.get(answer.headers["Location"]).body == b"01234567" + last
    assert registry.get(location).code == "BLOB_UPLOAD_UNKNOWN"


@pytest.mark.parametrize("place", ["0-3", "5-8", "9-12"])
def test_chunks_out_of_order(registry: Client, repo: str, place: str) -> None:
    """A chunk that does not begin where the last one ended is not satisfiable, and where to go on is told."""
    location = registry.begin(repo)
    registry.ask("PATCH", location, b"0123", Content_Range="0-3")
    answer = registry.ask("PATCH", location, b"4567", Content_Range=place)
    assert (answer.status, answer.headers["Range"], answer.headers["Location"]) == (416, "0-3", location)
    assert registry.get(location).headers["Range"] == "0-3"


@pytest.mark.parametrize("place", ["0-9", "3-0", "x", "bytes 0-3/x y", "-1"])
def test_malformed_chunk(registry: Client, repo: str, place: str) -> None:
    """A chunk whose place makes no sense is the client's fault."""
    answer = registry.ask("PATCH", registry.begin(repo), b"0123", Content_Range=place)
    assert (answer.status, answer.code) == (400, "SIZE_INVALID")


def test_upload_that_is_something_else(registry: Client, repo: str) -> None:
    """What does not have the digest that it was said to have is refused and kept nowhere."""
    location = registry.begin(repo)
    answer = registry.ask("PUT", f"{location}?digest={ABSENT}", b"something else")
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert registry.head(f"/v2/{repo}/blobs/{ABSENT}").status == 404
    assert registry.get(location).status == 404


@pytest.mark.parametrize("query", ["", "?digest=", "?digest=sha256:x", "?digest=md5:00", "?digest=x%00:y"])
def test_upload_without_a_digest(registry: Client, repo: str, query: str) -> None:
    """A blob is kept by a digest that can be checked, and by no other word."""
    answer = registry.ask("PUT", registry.begin(repo) + query, b"blob")
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


def test_cancelling_an_upload(registry: Client, repo: str) -> None:
    """An upload that is cancelled is unknown, as is one that never was."""
    location = registry.begin(repo)
    assert registry.ask("DELETE", location).status == 204
    for unknown in (location, f"/v2/{repo}/blobs/uploads/x", f"/v2/{repo}/blobs/uploads/..%2f..%2f_layers"):
        for method in ("GET", "PATCH", "DELETE"):
            assert registry.ask(method, unknown).status == 404


def test_mounting_a_blob_from_another_repository(registry: Client, repo: str) -> None:
    """A blob is mounted from a repository that has it, and from no other an upload is begun."""
    dgst = registry.push(f"{repo}/source", b"mounted")
    path = f"/v2/{repo}/blobs/uploads/?mount={dgst}"
    for source in ("", f"&from={repo}/other"):
        answer = registry.ask("POST", path + source)
        assert (answer.status, "/uploads/" in answer.headers["Location"]) == (202, True)
        assert registry.head(f"/v2/{repo}/blobs/{dgst}").status == 404
    answer = registry.ask("POST", f"{path}&from={repo}/source")
    assert (answer.status, answer.headers["Location"]) == (201, f"/v2/{repo}/blobs/{dgst}")
    assert registry.get(f"/v2/{repo}/blobs/{dgst}").body == b"mounted"


@ALGORITHMS
def test_pushing_manifests(registry: Client, repo: str, algorithm: str) -> None:
    """A manifest is kept byte for byte, by its digest or under a tag, and its place is told."""
    _, content = registry.push_manifest(repo)
    dgst = digest_of(content, algorithm)
    answer = registry.ask("PUT", f"/v2/{repo}/manifests/{dgst}", content, Content_Type=MANIFEST)
    assert (answer.status, answer.headers["Docker-Content-Digest"]) == (201, dgst)
    assert registry.get(answer.headers["Location"]).body == content


def test_manifest_of_what_is_not_there(registry: Client, repo: str) -> None:
    """A manifest is refused that names a blob, or another manifest, which the repository does not have."""
    missing = [{"mediaType": EMPTY, "digest": registry.push(f"{repo}/other", b"not here"), "size": 8}]
    for manifest in ({"layers": missing}, {"config": missing[0]}, {"mediaType": INDEX, "manifests": missing}):
        answer = registry.ask("PUT", f"/v2/{repo}/manifests/1.0", json.dumps(manifest).encode())
        assert (answer.status, answer.code) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert registry.get(f"/v2/{repo}/manifests/1.0").status == 404


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"layers": 1}', b'{"layers": [{}]}', b'{"subject": "x"}', b"[" * 100_000]
)
def test_malformed_manifest(registry: Client, repo: str, content: bytes) -> None:
    """What is no manifest is refused."""
    answer = registry.ask("PUT", f"/v2/{repo}/manifests/1.0", content)
    assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")


@pytest.mark.parametrize(
    ("reference", "code"),
    [(ABSENT, "DIGEST_INVALID"), ("x:y:z", "DIGEST_INVALID"), (".x", "MANIFEST_INVALID")],
)
def test_manifest_by_another_name(registry: Client, repo: str, reference: str, code: str) -> None:
    """A manifest is not kept by a digest that is not its own, nor under what cannot be a tag."""
    answer = registry.ask("PUT", f"/v2/{repo}/manifests/{reference}", b"{}")
    assert (answer.status, answer.code) == (400, code)


def test_manifest_that_is_too_long(registry: Client, repo: str) -> None:
    """A manifest may have four megabytes, and no more."""
    answer = registry.ask("PUT", f"/v2/{repo}/manifests/1.0", b" " * (4 * 1024 * 1024) + b"{}")
    assert answer.status == 413


@ALGORITHMS
def test_pushing_manifests_with_subject(registry: Client, repo: str, algorithm: str) -> None:
    """A manifest about another one, which need not be there, is answered with the header OCI-Subject."""
    subject = digest_of(b"subject", algorithm)
    content = json.dumps({"subject": {"digest": subject}, "of": repo}).encode()
    answer = registry.ask("PUT", f"/v2/{repo}/manifests/{digest_of(content)}", content)
    assert (answer.status, answer.headers["OCI-Subject"]) == (201, subject)
