"""Real programs: Debian's registry writes a tree, and skopeo pulls from it through the example."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.examples.images import ImageLayout
from tests.examples.registries import Client, debian, example
from tests.storage.trees import digest_of

pytestmark = pytest.mark.programs("docker-registry", "skopeo")

IMAGE = "library/hello:1.0"


def skopeo(*arguments: str) -> None:
    """Run skopeo, which checks every digest that it sees."""
    subprocess.run(["skopeo", "--insecure-policy", *arguments], check=True, timeout=60)


@pytest.fixture
def layout(tmp_path: Path) -> ImageLayout:
    """An image of two layers."""
    layout = ImageLayout(tmp_path / "layout")
    layout.add_image("1.0", b"first", bytes(range(256)) * 10_000)
    return layout


def pull(client: Client, folder: Path) -> dict[str, bytes]:
    """All that skopeo pulls of the image, by digest."""
    skopeo("copy", "--all", "--src-tls-verify=false", f"docker://{client.host}/{IMAGE}", f"dir:{folder}")
    return {digest_of(file.read_bytes()): file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_image_comes_out_as_it_went_in(layout: ImageLayout, tmp_path: Path, form: str) -> None:
    """An image pushed into Debian's registry is pulled through ours, each digest the same, twice."""
    with debian(tmp_path) as host:
        target = f"docker://{host}/{IMAGE}"
        skopeo("copy", "--dest-tls-verify=false", "--format", form, f"oci:{layout.folder}:1.0", target)
    with example(str(tmp_path / "tree")) as client:
        manifest = client.get("/v2/library/hello/manifests/1.0")
        for attempt in ("first", "second"):
            pulled = pull(client, tmp_path / attempt)
            assert pulled[manifest.headers["Docker-Content-Digest"]] == manifest.body
            for layer in json.loads(manifest.body)["layers"]:
                assert pulled[layer["digest"]] == layout.blobs[layer["digest"]]
