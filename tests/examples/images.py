"""Images made by hand: no network, no daemon."""

import gzip
import io
import json
import tarfile
from pathlib import Path

from layercache.names import Digest
from tests.storage.trees import digest_of

TYPES = "application/vnd.oci.image."


class ImageLayout:
    """An OCI image layout, a folder that skopeo takes an image from: `oci:FOLDER:TAG`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blobs: dict[Digest, bytes] = {}
        self._manifests: list[dict[str, object]] = []

    def add(self, kind: str, content: bytes) -> dict[str, object]:
        """Add a blob, and return what describes it."""
        dgst = digest_of(content)
        self.blobs[dgst] = content
        return {"mediaType": TYPES + kind, "digest": dgst, "size": len(content)}

    def add_image(self, tag: str, *files: bytes) -> Digest:
        """Add an image with one layer for each of *files*; return the digest of its manifest."""
        archives = [archive(content) for content in files]
        config = {
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [digest_of(content) for content in archives]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{TYPES}manifest.v1+json",
            "config": self.add("config.v1+json", json.dumps(config).encode()),
            "layers": [
                self.add("layer.v1.tar+gzip", gzip.compress(content, mtime=0)) for content in archives
            ],
        }
        described = self.add("manifest.v1+json", json.dumps(manifest).encode())
        self._manifests.append(described | {"annotations": {"org.opencontainers.image.ref.name": tag}})
        self._write()
        return digest_of(json.dumps(manifest).encode())

    def _write(self) -> None:
        index = {"schemaVersion": 2, "manifests": self._manifests}
        blobs = self.folder / "blobs/sha256"
        blobs.mkdir(parents=True, exist_ok=True)
        (self.folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        (self.folder / "index.json").write_text(json.dumps(index))
        for dgst, content in self.blobs.items():
            (blobs / dgst.encoded).write_bytes(content)


def archive(content: bytes) -> bytes:
    """A tar archive of one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("file")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
