"""Content discovery, the third workflow of the OCI distribution-spec: a test for each section."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from urllib.parse import quote, unquote

import psutil
import pytest
from registry.tree import folder_of

from layercache import parse_repository
from tests.examples.registries import EMPTY, INDEX, MANIFEST, Client, example
from tests.storage.trees import ABSENT, Tree, digest_of

MEGABYTE = 1024 * 1024

ALGORITHMS = pytest.mark.parametrize("algorithm", ["sha256", "sha512"])


def test_listing_tags(registry: Client, repo: str) -> None:
    """Tags are listed in their order, and a repository to which nothing was pushed is unknown."""
    assert registry.get(f"/v2/{repo}/tags/list").code == "NAME_UNKNOWN"
    registry.push(f"{repo}/below", b"{}")
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
    assert registry.tags(repo, "?n=9") == registry.tags(repo, "?n=5") == tags
    assert registry.tags(repo, "?last=v2") == registry.tags(repo, "?n=2&last=v20") == ["v3", "v4"]
    assert registry.tags(repo, "?last=v4") == []
    for query in ("?n=0", "?n=5", "?n=2&last=v2", "?last=v0"):
        assert registry.get(f"/v2/{repo}/tags/list{query}").headers["Link"] is None
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


@ALGORITHMS
def test_listing_referrers(registry: Client, repo: str, algorithm: str) -> None:
    """What is about a manifest is listed, each by what describes it, with its type and its annotations."""
    subject, _ = registry.push_manifest(repo, "1.0", algorithm)
    assert referrers(registry, repo, subject) == []
    about = {"digest": subject, "size": 1, "mediaType": MANIFEST}
    kinds: list[tuple[dict[str, object], dict[str, object]]] = [
        ({"artifactType": "application/x.test", "annotations": {"by": "us"}}, {"annotations": {"by": "us"}}),
        ({}, {"artifactType": EMPTY}),  # that of its config
        ({"artifactType": "", "annotations": {"a": "b"}}, {"artifactType": EMPTY, "annotations": {"a": "b"}}),
        ({"mediaType": INDEX, "artifactType": "application/x.test"}, {}),
        ({"mediaType": INDEX}, {"artifactType": None}),
    ]
    expected = []
    for parts, told in kinds:
        is_index = parts.get("mediaType") == INDEX
        lists: dict[str, object] = {"manifests": [], "config": None, "layers": None} if is_index else {}
        dgst, content = registry.push_manifest(repo, "", algorithm, subject=about, **parts | lists)
        described = {"mediaType": MANIFEST, "digest": dgst, "size": len(content)} | parts | told
        expected.append({name: value for name, value in described.items() if value is not None})
    found = referrers(registry, repo, subject)
    assert sorted(found, key=repr) == sorted(expected, key=repr)


def test_filtering_referrers(registry: Client, repo: str) -> None:
    """Who asks for one type is listed that one alone, and told that it was looked at."""
    subject, _ = registry.push_manifest(repo, "1.0")
    about = {"digest": subject}
    signature, _ = registry.push_manifest(repo, subject=about, artifactType="application/x.signature")
    other, _ = registry.push_manifest(repo, subject=about)
    for kind, expected in (("application/x.signature", [signature]), (EMPTY, [other]), ("application/x", [])):
        query = f"?artifactType={quote(kind)}"
        assert [item["digest"] for item in referrers(registry, repo, subject, query)] == expected
        answer = registry.get(f"/v2/{repo}/referrers/{subject}{query}")
        assert answer.headers["OCI-Filters-Applied"] == "artifactType"
    assert registry.get(f"/v2/{repo}/referrers/{subject}").headers["OCI-Filters-Applied"] is None


def test_listing_referrers_of_nothing(registry: Client, repo: str) -> None:
    """Of a manifest, or in a repository, that is not there the list is empty; what is no digest has none."""
    assert referrers(registry, repo, ABSENT) == []
    assert referrers(registry, repo, ABSENT, "?artifactType=application/x") == []
    answer = registry.get(f"/v2/{repo}/referrers/x")
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


def test_listing_referrers_that_came_first(registry: Client, repo: str) -> None:
    """A manifest may be pushed before what it is about, and is listed before and after."""
    subject, content = registry.push_manifest(f"{repo}/other")
    referrer, _ = registry.push_manifest(repo, subject={"digest": subject})
    assert [item["digest"] for item in referrers(registry, repo, subject)] == [referrer]
    assert registry.ask("PUT", f"/v2/{repo}/manifests/{subject}", content).status == 201
    assert [item["digest"] for item in referrers(registry, repo, subject)] == [referrer]
    assert referrers(registry, f"{repo}/other", subject) == []


@ALGORITHMS
def test_enabling_the_referrers_api(registry: Client, tree: Tree, repo: str, algorithm: str) -> None:
    """What clients listed under a tag, when no registry did it for them, is listed as well."""
    subject, _ = registry.push_manifest(repo, "1.0", algorithm)
    referrer = tree.manifest(repo, "old", json.dumps({"subject": {"digest": subject}}).encode())
    stranger, _ = registry.push_manifest(repo, annotations={"about": "nothing"})
    assert referrers(registry, repo, subject) == []
    listed = [{"digest": dgst} for dgst in (referrer, stranger)]
    tag = f"{algorithm}-{subject.encoded[:64]}"  # "Referrers Tag Schema"
    registry.push_manifest(repo, tag, mediaType=INDEX, manifests=listed)
    assert [item["digest"] for item in referrers(registry, repo, subject)] == [referrer]


def pages(client: Client, path: str) -> list[list[str]]:
    """The digests on each page of a list of referrers, by following its links."""
    found = []
    while path:
        answer = client.get(path)
        assert len(answer.body) < 4 * MEGABYTE + 1_000
        found.append([item["digest"] for item in json.loads(answer.body)["manifests"]])
        link = answer.headers.get("Link", "")
        assert link == "" or link.endswith('>; rel="next"')
        path = link.partition(">")[0].removeprefix("<")
    return found


@pytest.mark.parametrize(
    "padding", [{"annotations": "x"}, {"of-nobodys-business": "x"}, {"annotations": "\u00e9"}]
)
def test_listing_long_referrers_in_pages(registry: Client, repo: str, padding: dict[str, str]) -> None:
    """However long the manifests are, a page is no longer than one, and together they list each once."""
    subject, pushed = digest_of(b"subject"), list[str]()
    [(name, letter)] = padding.items()
    for number, length in enumerate([4, 1, 1, 3, 2, 4]):
        text = letter * (length * MEGABYTE // len(letter.encode()) - 500)
        content = {"schemaVersion": 2, "number": number, "subject": {"digest": subject}, name: {"x": text}}
        body = json.dumps(content, ensure_ascii=False).encode()
        dgst = digest_of(body)
        assert registry.ask("PUT", f"/v2/{repo}/manifests/{dgst}", body).status == 201
        pushed.append(dgst)
    found = pages(registry, f"/v2/{repo}/referrers/{subject}")
    assert list(chain.from_iterable(found)) == sorted(pushed)
    assert len(found) >= 4


def test_listing_many_referrers_in_pages(registry: Client, repo: str) -> None:
    """Many short manifests come in pages, also those that a filter leaves nothing of."""
    subject = digest_of(b"subject")
    types = [f"application/x&y;{number % 2}" for number in range(230)]
    for number, kind in enumerate(types):
        registry.push_manifest(repo, subject={"digest": subject}, artifactType=kind, number=number)
    path = f"/v2/{repo}/referrers/{subject}"
    assert [len(page) for page in pages(registry, path)] == [100, 100, 30]
    for kind, count in ((types[0], 115), (types[1], 115), ("application/none", 0)):
        found = pages(registry, f"{path}?artifactType={quote(kind, safe='')}")
        assert (len(found), len(set(chain.from_iterable(found)))) == (3, count)
    assert pages(registry, f"{path}?last=z") == [[]]


def high_water(client: Client) -> int:
    """The most memory that the process behind *client* has had, in bytes."""
    port = int(client.host.rpartition(":")[2])
    [process] = [
        process
        for process in psutil.Process().children(recursive=True)
        if any(c.laddr.port == port and c.status == psutil.CONN_LISTEN for c in process.net_connections())
    ]
    [line] = [
        line
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
        if line.startswith("VmHWM:")
    ]
    return int(line.split()[1]) * 1024


def test_referrers_take_no_more_memory_than_one(tmp_path: Path) -> None:
    """A list of long manifests is made of one at a time, whoever asks for it at the same time."""
    with example(str(tmp_path)) as client:
        subject = digest_of(b"subject")
        for number in range(30):
            text = "x" * (4 * MEGABYTE - 1_000) + str(number)
            about = {"subject": {"digest": subject}, "annotations": {"x": text}}
            client.push_manifest("x", "", "sha256", **about)
        before = high_water(client)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(client.get, [f"/v2/x/referrers/{subject}"] * 8))
        assert high_water(client) - before < 150 * MEGABYTE


@pytest.mark.parametrize(
    "name",
    [b"bad\xff", b"a\nb", b"a b", b".nfs0001", b"data#1"],
    ids=["utf8", "newline", "blank", "nfs", "staged"],
)
def test_strays(registry: Client, tree: Tree, repo: str, name: bytes) -> None:
    """What no registry has put into a repository is no tag, is about nothing, and hides neither."""
    dgst, _ = registry.push_manifest(repo, "1.0")
    about, _ = registry.push_manifest(repo, subject={"mediaType": MANIFEST, "digest": dgst, "size": 2})
    folder = Path(unquote(tree.url.removeprefix("file://")), folder_of(parse_repository(repo)))
    for place in ("", "_manifests/tags", f"_referrers/sha256/{dgst.encoded}"):
        stray = folder / place / os.fsdecode(name)
        (stray / "current").mkdir(parents=True)
        (stray / "current/link").touch()
    (folder / "_manifests/tags/loop").symlink_to(folder)
    assert registry.tags(repo) == ["1.0"]
    listed = json.loads(registry.get(f"/v2/{repo}/referrers/{dgst}").body)["manifests"]
    assert [manifest["digest"] for manifest in listed] == [about]
