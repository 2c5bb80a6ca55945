"""Manifests that we take, Debian's registry serves; those that it takes, we take, but for senseless ones."""

from collections.abc import Iterator

import pytest

from tests.examples.manifests import CASES, DOCKER, DOCKER_LIST, STRICTER, TAKEN
from tests.examples.registries import INDEX, MANIFEST, Client, debian, example
from tests.storage.trees import digest_of

pytestmark = pytest.mark.programs("docker-registry")

ACCEPTED = f"{MANIFEST}, {INDEX}, {DOCKER}, {DOCKER_LIST}"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Client]]:
    """Our registry and Debian's over one tree; each has a repository of its own."""
    folder = tmp_path_factory.mktemp("both")
    (folder / "tree").mkdir()
    with example(str(folder / "tree")) as ours, debian(folder) as host:
        for repo in ("ours", "theirs"):
            ours.push(repo, b"{}")
        yield ours, Client(int(host.rpartition(":")[2]))


def kind(content: bytes) -> str:
    """The type that a client sends a manifest as."""
    said = [name for name in (DOCKER, DOCKER_LIST, INDEX) if f'"{name}"'.encode() in content]
    return said[0] if said else MANIFEST


@pytest.mark.parametrize("name", CASES)
def test_manifest(both: tuple[Client, Client], name: str) -> None:
    """A manifest is answered as it should be, and with a code of the specification if it is refused."""
    ours, theirs = both
    content, expected = CASES[name]
    answer = ours.ask("PUT", "/v2/ours/manifests/1.0", content, Content_Type=kind(content))
    assert answer.status == expected
    path = f"/v2/ours/manifests/{digest_of(content)}"
    if expected == TAKEN:
        for client in both:
            assert client.get(path, Accept=ACCEPTED).body == content
    else:
        assert answer.code in {"MANIFEST_INVALID", "MANIFEST_BLOB_UNKNOWN"}
        assert len(answer.message) < 1_000
        assert ours.get(path).status == 404
        other = theirs.ask("PUT", "/v2/theirs/manifests/1.0", content, Content_Type=kind(content))
        assert (other.status == TAKEN) == (name in STRICTER)


@pytest.mark.parametrize(
    "name", ["not UTF-8", "not UTF-8 in a name", f"number {'9' * 5_000!r:.30}", "layers twice"]
)
def test_manifest_that_only_debian_took(both: tuple[Client, Client], name: str) -> None:
    """What we would refuse and Debian's registry took, we serve."""
    ours, theirs = both
    content, _ = CASES[name]
    assert theirs.ask("PUT", "/v2/theirs/manifests/1.0", content, Content_Type=MANIFEST).status == TAKEN
    answer = ours.get(f"/v2/theirs/manifests/{digest_of(content)}")
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, content, MANIFEST)


@pytest.mark.parametrize(("sent_as", "said"), [(INDEX, MANIFEST), (MANIFEST, INDEX), (DOCKER, MANIFEST)])
def test_manifest_that_is_sent_as_another(both: tuple[Client, Client], sent_as: str, said: str) -> None:
    """A manifest that is sent as one type and says that it is another is refused by both."""
    content = f'{{"schemaVersion": 2, "mediaType": "{said}"}}'.encode()
    for client, repo in zip(both, ("ours", "theirs"), strict=True):
        answer = client.ask("PUT", f"/v2/{repo}/manifests/1.0", content, Content_Type=f"{sent_as}; x=y")
        assert answer.status == 400
