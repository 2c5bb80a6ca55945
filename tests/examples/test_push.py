"""Push, the second workflow of the OCI distribution-spec: a test for each section on blobs."""

import pytest

from layercache import Digest
from layercache.storage.layout import layer_link_path
from tests.examples.registries import Answer, Client
from tests.storage.trees import ABSENT, Tree, digest_of

ALGORITHMS = pytest.mark.parametrize("algorithm", ["sha256", "sha512"])


def require_pushed(client: Client, repo: str, answer: Answer, dgst: Digest, content: bytes) -> None:
    """Hold the answer to a push to what it has to say, and the registry to that."""
    assert (answer.status, answer.headers["Location"]) == (201, f"/v2/{repo}/blobs/{dgst}")
    assert answer.headers["Docker-Content-Digest"] == dgst
    assert client.get(answer.headers["Location"]).body == content


@ALGORITHMS
def test_post_then_put(registry: Client, repo: str, algorithm: str) -> None:
    """An upload is begun by a POST, and its PUT brings the whole blob."""
    dgst = digest_of(b"whole", algorithm)
    answer = registry.ask("PUT", f"{registry.begin(repo)}?digest={dgst}", b"whole")
    require_pushed(registry, repo, answer, dgst, b"whole")


@ALGORITHMS
@pytest.mark.parametrize("content", [b"single", b""], ids=["some bytes", "none"])
def test_single_post(registry: Client, repo: str, algorithm: str, content: bytes) -> None:
    """A POST that brings the whole blob is all that it takes."""
    dgst = digest_of(content, algorithm)
    answer = registry.ask("POST", f"/v2/{repo}/blobs/uploads/?digest={dgst}", content)
    require_pushed(registry, repo, answer, dgst, content)


@ALGORITHMS
@pytest.mark.parametrize("last", [b"", b"89"], ids=["empty PUT", "PUT with a chunk"])
def test_pushing_a_blob_in_chunks(registry: Client, repo: str, algorithm: str, last: bytes) -> None:
    """Chunks come in order, each is told how far the upload is, and a closing PUT may bring the last one."""
    location = registry.begin(repo, f"?digest-algorithm={algorithm}")
    for number, content in enumerate((b"0123", b"4567")):
        place = f"{number * 4}-{number * 4 + 3}"
        answer = registry.ask("PATCH", location, content, Content_Range=place)
        assert (answer.status, answer.headers["Range"]) == (202, f"0-{number * 4 + 3}")
        location = answer.headers["Location"]
        status = registry.get(location)
        assert (status.status, status.headers["Range"]) == (204, f"0-{number * 4 + 3}")
        assert status.headers["Location"] == location
    dgst = digest_of(b"01234567" + last, algorithm)
    answer = registry.ask("PUT", f"{location}?digest={dgst}", last)
    require_pushed(registry, repo, answer, dgst, b"01234567" + last)
    assert registry.get(location).code == "BLOB_UPLOAD_UNKNOWN"


@pytest.mark.parametrize("content", [b"streamed", b""], ids=["some bytes", "none"])
def test_chunk_of_unknown_length(registry: Client, repo: str, content: bytes) -> None:
    """A client that does not know the length of its blob sends it as one chunk that says no place."""
    location = registry.begin(repo)
    assert registry.ask("PATCH", location, iter([content])).status == 202
    dgst = digest_of(content)
    require_pushed(registry, repo, registry.ask("PUT", f"{location}?digest={dgst}"), dgst, content)


def test_concurrent_uploads(registry: Client, repo: str) -> None:
    """Uploads to one repository have each a place of their own, also if they bring the same blob."""
    locations = [registry.begin(repo) for _ in range(3)]
    assert len(set(locations)) == 3
    for content in (b"0123", b"4567"):
        for location in locations:
            assert registry.ask("PATCH", location, content).status == 202
    dgst = digest_of(b"01234567")
    for location in locations:
        answer = registry.ask("PUT", f"{location}?digest={dgst}")
        require_pushed(registry, repo, answer, dgst, b"01234567")


@pytest.mark.parametrize("place", ["0-3", "5-8", "9-12"])
@pytest.mark.parametrize("is_last", [False, True], ids=["PATCH", "PUT"])
def test_chunks_out_of_order(registry: Client, repo: str, place: str, is_last: bool) -> None:
    """A chunk that does not begin where the last one ended is not satisfiable, and where to go on is told."""
    location, dgst = registry.begin(repo), digest_of(b"01234567")
    registry.ask("PATCH", location, b"0123", Content_Range="0-3")
    asked = ("PUT", f"{location}?digest={dgst}") if is_last else ("PATCH", location)
    answer = registry.ask(*asked, b"4567", Content_Range=place)
    assert (answer.status, answer.headers["Range"], answer.headers["Location"]) == (416, "0-3", location)
    assert answer.code == "BLOB_UPLOAD_INVALID"
    assert registry.get(location).headers["Range"] == "0-3"
    answer = registry.ask("PUT", f"{location}?digest={dgst}", b"4567", Content_Range="4-7")
    require_pushed(registry, repo, answer, dgst, b"01234567")


def test_first_chunk_that_is_not_the_first(registry: Client, repo: str) -> None:
    """The first chunk begins at 0, or it is not satisfiable, and the upload goes on as if it had not come."""
    location, dgst = registry.begin(repo), digest_of(b"0123")
    assert registry.ask("PATCH", location, b"4567", Content_Range="4-7").status == 416
    assert registry.get(location).status == 204
    assert registry.ask("PATCH", location, b"0123", Content_Range="0-3").status == 202
    answer = registry.ask("PUT", f"{location}?digest={dgst}")
    require_pushed(registry, repo, answer, dgst, b"0123")


@pytest.mark.parametrize("place", ["0-9", "3-0", "x", "bytes 0-3/x y", "-1"])
def test_malformed_chunk(registry: Client, repo: str, place: str) -> None:
    """A chunk whose place makes no sense is the client's fault."""
    answer = registry.ask("PATCH", registry.begin(repo), b"0123", Content_Range=place)
    assert (answer.status, answer.code) == (400, "SIZE_INVALID")


@pytest.mark.parametrize("content", [b"012", b"01234"])
def test_chunk_of_another_length(registry: Client, repo: str, content: bytes) -> None:
    """A chunk that is shorter or longer than it says, which only its end can tell, is not kept."""
    location = registry.begin(repo)
    answer = registry.ask("PATCH", location, iter([content]), Content_Range="0-3")
    assert (answer.status, answer.code) == (400, "SIZE_INVALID")
    dgst = digest_of(b"kept")
    assert registry.ask("PUT", f"{location}?digest={dgst}", b"kept", Content_Range="0-3").status == 201


def test_upload_by_another_spelling(registry: Client, repo: str) -> None:
    """An upload is known by the name that it was given, letter for letter."""
    location = registry.begin(repo)
    folder, _, name = location.rpartition("/")
    for other in (name.replace("-", ""), f"%7B{name}%7D", f"urn:uuid:{name}"):
        assert registry.get(f"{folder}/{other}").code == "BLOB_UPLOAD_UNKNOWN"
    assert registry.get(location).status == 204


@ALGORITHMS
@pytest.mark.parametrize("way", ["POST", "PUT", "PATCH"])
def test_upload_that_is_something_else(registry: Client, repo: str, algorithm: str, way: str) -> None:
    """What does not have the digest that it was said to have is refused and kept nowhere."""
    dgst, other = digest_of(b"this", algorithm), b"something else"
    location = f"/v2/{repo}/blobs/uploads/" if way == "POST" else registry.begin(repo)
    if way == "PATCH":
        assert registry.ask("PATCH", location, other).status == 202
        way, other = "PUT", b""
    answer = registry.ask(way, f"{location}?digest={dgst}", other)
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert registry.head(f"/v2/{repo}/blobs/{dgst}").status == 404
    assert registry.get(location).status != 204


@pytest.mark.parametrize("query", ["", "?digest=", "?digest=sha256:x", "?digest=md5:00", "?digest=x%00:y"])
def test_upload_without_a_digest(registry: Client, repo: str, query: str) -> None:
    """A blob is kept by a digest that can be checked, and by no other word."""
    answer = registry.ask("PUT", registry.begin(repo) + query, b"blob")
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


def test_cancel_a_blob_upload(registry: Client, repo: str) -> None:
    """An upload that is cancelled is unknown, as is one that never was."""
    location = registry.begin(repo)
    registry.ask("PATCH", location, b"some")
    assert registry.ask("DELETE", location).status == 204
    for unknown in (location, f"/v2/{repo}/blobs/uploads/x", f"/v2/{repo}/blobs/uploads/..%2f..%2f_layers"):
        for method in ("GET", "PATCH", "DELETE"):
            assert registry.ask(method, unknown).status == 404
        assert registry.ask("PUT", f"{unknown}?digest={ABSENT}").status == 404


@ALGORITHMS
def test_mounting_a_blob_from_another_repository(registry: Client, repo: str, algorithm: str) -> None:
    """A blob is mounted from a repository that has it, and its bytes are not sent again."""
    dgst = registry.push(f"{repo}/source", b"mounted", algorithm)
    answer = registry.ask("POST", f"/v2/{repo}/blobs/uploads/?mount={dgst}&from={repo}/source")
    require_pushed(registry, repo, answer, dgst, b"mounted")


@pytest.mark.parametrize("source", ["", "&from={}/other"], ids=["from none", "from one that lacks it"])
def test_blob_that_is_not_mounted(registry: Client, repo: str, source: str) -> None:
    """Who does not name a repository that has the blob learns nothing of it, and is to send it."""
    dgst = registry.push(f"{repo}/source", b"mounted")
    answer = registry.ask("POST", f"/v2/{repo}/blobs/uploads/?mount={dgst}{source.format(repo)}")
    location = answer.headers["Location"]
    assert (answer.status, "/uploads/" in location) == (202, True)
    assert registry.head(f"/v2/{repo}/blobs/{dgst}").status == 404
    answer = registry.ask("PUT", f"{location}?digest={dgst}", b"mounted")
    require_pushed(registry, repo, answer, dgst, b"mounted")


def test_blob_that_vanished_is_not_mounted(registry: Client, tree: Tree, repo: str) -> None:
    """A blob is not mounted from a repository that no longer has it, though the cache says that it does."""
    source = f"{repo}/source"
    dgst = registry.push(source, b"vanished")
    tree.delete(layer_link_path(source, dgst))
    assert registry.get(f"/v2/{source}/blobs/{dgst}").status == 200
    assert registry.ask("POST", f"/v2/{repo}/blobs/uploads/?mount={dgst}&from={source}").status == 202
    assert registry.head(f"/v2/{repo}/blobs/{dgst}").status == 404


@pytest.mark.parametrize(
    "query",
    [
        "mount={dgst}&from=",
        "mount={dgst}&from=UPPER",
        "mount={dgst}&from=x//y",
        "mount={dgst}&from=%00",
        "mount={dgst}&from=" + "x" * 300,
        "mount=&from={repo}/source",
        "mount=sha256:x&from={repo}/source",
        "mount=md5&from={repo}/source",
        "mount=future:" + "a" * 500 + "&from={repo}/source",
        "mount=&from=",
        "mount=",
        "mount=x",
        "from=",
        "from=UPPER",
        "from={repo}/source",
    ],
)
def test_mount_that_makes_no_sense(registry: Client, repo: str, query: str) -> None:
    """A mount that names no blob, or no repository, is answered with an upload, as OCI wants it."""
    dgst = registry.push(f"{repo}/source", b"mounted")
    location = registry.begin(repo, "?" + query.format(dgst=dgst, repo=repo))
    answer = registry.ask("PUT", f"{location}?digest={dgst}", b"mounted")
    require_pushed(registry, repo, answer, dgst, b"mounted")
