"""The example registry at work: an image is pulled twice, and a table shows what the cache saved.

    python docs/examples/demo.py
    python docs/examples/demo.py --root /var/lib/docker-registry --image debian:12
    python docs/examples/demo.py --cache redis://127.0.0.1

Without a root it makes a small tree. It ends with 0 iff every digest was right.
"""

import argparse
import contextlib
import hashlib
import io
import json
import socket
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
from registry.oci import OCI_INDEX, OCI_MANIFEST

from layercache import Digest, parse_digest
from layercache.storage.layout import data_path, layer_link_path, revision_link_path, tag_link_path

PULLS = 2
STARTING_SECONDS = 30.0
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
MANIFESTS = f"{OCI_MANIFEST}, {OCI_INDEX}, {DOCKER_MANIFEST}, {DOCKER_INDEX}"


def main() -> None:
    """Make a tree, serve it, pull from it, and tell."""
    parser = argparse.ArgumentParser(description="Pull an image twice through the example registry.")
    parser.add_argument("--root", type=Path, help="a directory with a tree; without, a small one is made")
    parser.add_argument("--image", help="NAME:TAG; without, any that the tree has")
    parser.add_argument("--cache", default="memory://", help="a URL: memory://, redis://127.0.0.1")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        root: Path = options.root or make_tree(Path(made))
        image: str = options.image or any_image(root)
        with serving(root, options.cache) as client:
            requests = [request for _ in range(PULLS) for request in pull(client, image)]
            show(f"{PULLS} pulls of {image} from {client.base_url}", requests)


# ---- a small tree


def make_tree(root: Path) -> Path:
    """Write an image of three layers as a registry would have."""
    repo = "library/hello"
    layers = [layer(size) for size in (3_000_000, 400_000, 2_000)]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [digest_of(content) for content in layers]},
    }
    blobs = [json.dumps(config).encode(), *layers]
    types = ["config.v1+json", *["layer.v1.tar"] * len(layers)]
    for content in blobs:
        dgst = add_blob(root, content)
        write(root, layer_link_path(repo, dgst), dgst.encode())
    described = [
        {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest_of(content), "size": len(content)}
        for kind, content in zip(types, blobs, strict=True)
    ]
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described[0],
        "layers": described[1:],
    }
    dgst = add_blob(root, json.dumps(manifest).encode())
    write(root, revision_link_path(repo, dgst), dgst.encode())
    write(root, tag_link_path(repo, "latest"), dgst.encode())
    return root


def layer(size: int) -> bytes:
    """An archive of one file."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo(f"{size}.bin")
        member.size = size
        tar.addfile(member, io.BytesIO(hashlib.shake_256(str(size).encode()).digest(size)))
    return archive.getvalue()


def add_blob(root: Path, content: bytes) -> Digest:
    """Write a blob, and return its digest."""
    dgst = digest_of(content)
    write(root, data_path(dgst), content)
    return dgst


def write(root: Path, path: str, content: bytes) -> None:
    """Write one file of the tree."""
    file = root / path.removeprefix("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def digest_of(content: bytes) -> Digest:
    """The digest of *content*."""
    return parse_digest(f"sha256:{hashlib.sha256(content).hexdigest()}")


def any_image(root: Path) -> str:
    """The name and the tag of some image in the tree."""
    repositories = root / "docker/registry/v2/repositories"
    for link in repositories.glob("**/_manifests/tags/*/current/link"):
        tag = link.parents[1]
        return f"{tag.parents[2].relative_to(repositories)}:{tag.name}"
    sys.exit(f"there is no image in {root}")


# ---- the registry, a process of its own


@contextlib.contextmanager
def serving(root: Path, cache: str) -> Iterator[httpx.Client]:
    """Run the registry on a free port, with a client to talk to it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    registry = Path(__file__).with_name("registry_fastapi.py")
    command = [sys.executable, str(registry), "--root", str(root), "--port", port, "--cache", cache]
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,  # noqa: S603 - the command is ours
        httpx.Client(base_url=f"http://127.0.0.1:{port}/v2", timeout=60) as client,
    ):
        try:
            if not is_up(process, client):
                log.seek(0)
                sys.exit(f"the registry did not start:\n{log.read()}")
            yield client
        finally:
            process.terminate()


def is_up(process: "subprocess.Popen[bytes]", client: httpx.Client) -> bool:
    """Wait until the registry answers, or has ended."""
    end = time.monotonic() + STARTING_SECONDS
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(httpx.ConnectError):
            return client.get("/").is_success
        time.sleep(0.05)
    return False


# ---- a pull, as a container client does it


class Request(NamedTuple):
    """What the registry told of a request."""

    kind: str
    answered_by: str
    milliseconds: float
    received: int


def pull(client: httpx.Client, image: str) -> Iterator[Request]:
    """The manifest by its tag, then the config and the layers: first asked for, then fetched."""
    repo, _, reference = image.rpartition(":")
    manifest = {}
    while "config" not in manifest:
        response = client.get(f"/{repo}/manifests/{reference}", headers={"Accept": MANIFESTS})
        yield told("GET manifest", response, response.headers.get("Docker-Content-Digest"))
        manifest = response.json()
        reference = manifest.get("manifests", [{}])[0].get("digest")  # of an index: any platform will do
    for blob in [manifest["config"], *manifest["layers"]]:
        path = f"/{repo}/blobs/{blob['digest']}"
        yield told("HEAD blob", client.head(path), blob["digest"])
        yield told("GET blob", client.get(path), blob["digest"])


def told(kind: str, response: httpx.Response, dgst: str | None) -> Request:
    """What the registry told, if it was right."""
    if not response.is_success:
        sys.exit(f"{kind}: {response.status_code} {response.text}")
    if response.request.method == "GET" and digest_of(response.content) != dgst:
        sys.exit(f"{kind}: {response.url} is not {dgst}")
    answered_by, _, milliseconds = response.headers["Server-Timing"].partition(";dur=")
    return Request(kind, answered_by, float(milliseconds), len(response.content))


# ---- the table


def show(title: str, requests: list[Request]) -> None:
    """Print what was measured."""
    megabytes = sum(request.received for request in requests) / 1e6
    print(f"{title}: {len(requests)} requests, {megabytes:.1f} MB, every digest right.\n")
    print("request        misses   source     hits    cache")
    for kind in dict.fromkeys(request.kind for request in requests):
        print(f"{kind:<14}", *(cells(requests, kind, who) for who in ("source", "cache")))
    print("\nMedian time that the registry waited for the answer: where is it, and how long? The source")
    print("is its storage, here a local directory; an object store takes 20 to 50 ms. A HEAD of a blob is")
    print("how a client asks whether it may skip an upload, so the storage answers it each time. The")
    print("manifest's tag and revision are read from the storage each time, too, and are not counted.")


def cells(requests: list[Request], kind: str, answered_by: str) -> str:
    """How often *answered_by* answered, and in which time."""
    times = [request.milliseconds for request in requests if request[:2] == (kind, answered_by)]
    median = f"{statistics.median(times):6.3f} ms" if times else f"{'-':>9}"
    return f"{len(times):>5} {median}"


if __name__ == "__main__":
    main()
