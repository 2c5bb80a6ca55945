"""Real programs: skopeo pushes and pulls, and Debian's registry and the example serve each other's trees."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.examples.images import ImageLayout
from tests.examples.registries import MANIFEST, Client, debian, example
from tests.servers import RedisServer
from tests.storage.trees import digest_of

pytestmark = pytest.mark.programs("docker-registry", "skopeo")

IMAGE = "library/hello:1.0"


def skopeo(*arguments: str) -> None:
    """Run skopeo, which checks every digest that it sees."""
    subprocess.run(["skopeo", "--insecure-policy", *arguments], check=True, timeout=60)


@pytest.fixture
def layout(tmp_path_factory: pytest.TempPathFactory) -> ImageLayout:
    """An image of two layers."""
    layout = ImageLayout(tmp_path_factory.mktemp("layout"))
    layout.add_image("1.0", b"first", bytes(range(256)) * 10_000)
    return layout


def push(layout: ImageLayout, host: str, form: str = "oci") -> None:
    """Have skopeo push the image."""
    target = f"docker://{host}/{IMAGE}"
    skopeo("copy", "--dest-tls-verify=false", "--format", form, f"oci:{layout.folder}:1.0", target)


def pull(host: str, folder: Path) -> dict[str, bytes]:
    """All that skopeo pulls of the image, by digest."""
    skopeo("copy", "--all", "--src-tls-verify=false", f"docker://{host}/{IMAGE}", f"dir:{folder}")
    return {digest_of(file.read_bytes()): file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_image_comes_out_as_it_went_in(layout: ImageLayout, tmp_path: Path, form: str) -> None:
    """An image pushed into Debian's registry is pulled through ours, each digest the same, twice."""
    with debian(tmp_path) as host:
        push(layout, host, form)
    with example(str(tmp_path / "tree")) as client:
        manifest = client.get("/v2/library/hello/manifests/1.0")
        for attempt in ("first", "second"):
            pulled = pull(client.host, tmp_path / attempt)
            assert pulled[manifest.headers["Docker-Content-Digest"]] == manifest.body
            for layer in json.loads(manifest.body)["layers"]:
                assert pulled[layer["digest"]] == layout.blobs[layer["digest"]]


@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_what_we_write_debian_serves(layout: ImageLayout, tmp_path: Path, form: str) -> None:
    """An image pushed into ours is pulled from it, and then from Debian's registry over the same tree."""
    (tmp_path / "tree").mkdir()
    with example(str(tmp_path / "tree")) as client:
        push(layout, client.host, form)
        ours = pull(client.host, tmp_path / "ours")
        tags = client.tags("library/hello")
    with debian(tmp_path) as host:
        assert pull(host, tmp_path / "theirs") == ours
        theirs = Client(int(host.rpartition(":")[2]))
        assert theirs.tags("library/hello") == tags == ["1.0"]
    assert set(layout.blobs) & set(ours)


def test_both_at_once(layout: ImageLayout, tmp_path: Path) -> None:
    """On one tree each registry has what was pushed to the other, and lacks what was deleted from it."""
    (tmp_path / "tree").mkdir()
    with example(str(tmp_path / "tree")) as ours, debian(tmp_path) as host:
        theirs = Client(int(host.rpartition(":")[2]))
        for first, second in ((ours, theirs), (theirs, ours)):
            push(layout, first.host)
            manifest = first.get("/v2/library/hello/manifests/1.0", Accept=MANIFEST)
            assert second.get("/v2/library/hello/manifests/1.0", Accept=MANIFEST).body == manifest.body
            path = f"/v2/library/hello/manifests/{manifest.headers['Docker-Content-Digest']}"
            assert first.ask("DELETE", path).status == 202
            assert second.get("/v2/library/hello/manifests/1.0").status == 404
            assert b"1.0" not in second.get("/v2/library/hello/tags/list").body


def test_skopeo_deletes(layout: ImageLayout, tmp_path: Path) -> None:
    """What skopeo deletes it can no longer inspect, and a layer of it can be pushed to another repository."""
    with example(str(tmp_path)) as client:
        push(layout, client.host)
        other = f"docker://{client.host}/library/other:1.0"
        skopeo(
            "copy",
            "--src-tls-verify=false",
            "--dest-tls-verify=false",
            f"docker://{client.host}/{IMAGE}",
            other,
        )
        skopeo("delete", "--tls-verify=false", f"docker://{client.host}/{IMAGE}")
        skopeo("inspect", "--tls-verify=false", other)
        with pytest.raises(subprocess.CalledProcessError):
            skopeo("inspect", "--tls-verify=false", f"docker://{client.host}/{IMAGE}")


@pytest.mark.parametrize("form", ["oci", "v2s2"])
@pytest.mark.parametrize("cache", ["memory", "redis", "near"])
def test_push_after_a_sweep_that_told_nobody(
    layout: ImageLayout, tmp_path: Path, own_server: RedisServer, cache: str, form: str
) -> None:
    """Blobs that vanished behind the registry's back are sent again by the first push that needs them."""
    urls = {"memory": "memory://", "redis": own_server.url, "near": f"{own_server.url}?near=1000"}
    with example(str(tmp_path), urls[cache]) as client:
        push(layout, client.host, form)
        pull(client.host, tmp_path / "before")
        shutil.rmtree(tmp_path / "docker/registry/v2/blobs")
        push(layout, client.host, form)
        assert set(layout.blobs) & set(pull(client.host, tmp_path / "after"))
