"""Registries as processes: the example, and Debian's; and a client that sends what it is told."""

import http.client
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from layercache import Digest
from tests.storage.servers import free_port, running
from tests.storage.trees import digest_of

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"

# Of the distribution-spec, "Error Codes".
CODES = {
    *(
        "BLOB_UNKNOWN",
        "BLOB_UPLOAD_INVALID",
        "BLOB_UPLOAD_UNKNOWN",
        "DIGEST_INVALID",
        "MANIFEST_BLOB_UNKNOWN",
    ),
    *("MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN", "SIZE_INVALID"),
    *("UNAUTHORIZED", "DENIED", "UNSUPPORTED", "TOOMANYREQUESTS"),
}

EXAMPLES = Path(__file__).parents[2] / "docs/examples"


class Answer(NamedTuple):
    """An answer of a registry."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def code(self) -> str:
        """The code of the one error in the body, which must be as OCI wants it."""
        [error] = json.loads(self.body)["errors"]
        assert error.keys() == {"code", "message", "detail"}
        assert self.headers["Content-Type"] == "application/json"
        assert self.status >= 500 or error["code"] in CODES
        return str(error["code"])

    @property
    def message(self) -> str:
        """The message of the error in the body."""
        return str(json.loads(self.body)["errors"][0]["message"])


class Client:
    """Asks one registry, and changes nothing in a path: no dots are resolved, no slashes joined."""

    def __init__(self, port: int) -> None:
        self.host = f"127.0.0.1:{port}"

    def ask(self, method: str, path: str, body: bytes | Iterator[bytes] = b"", **headers: str) -> Answer:
        """Send one request; an underscore in the name of a header stands for a dash.

        An iterator is a body of which nobody knows the length before.
        """
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body or None, named)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """Send a GET."""
        return self.ask("GET", path, b"", **headers)

    def head(self, path: str, **headers: str) -> Answer:
        """Send a HEAD."""
        return self.ask("HEAD", path, b"", **headers)

    # ---- what takes several requests

    def push(self, repo: str, content: bytes, algorithm: str = "sha256") -> Digest:
        """Have *repo* have a blob."""
        dgst = digest_of(content, algorithm)
        answer = self.ask("POST", f"/v2/{repo}/blobs/uploads/?digest={dgst}", content)
        assert answer.status == 201, answer
        return dgst

    def push_manifest(
        self, repo: str, tag: str = "", algorithm: str = "sha256", **parts: object
    ) -> tuple[Digest, bytes]:
        """Have *repo* have a manifest, with an empty config and no layers unless they are *parts* of it.

        A part that is None is left out.
        """
        config = {"mediaType": EMPTY, "digest": self.push(repo, b"{}"), "size": 2}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []} | parts
        content = json.dumps({name: part for name, part in manifest.items() if part is not None}).encode()
        dgst = digest_of(content, algorithm)
        # What is pushed by a tag alone is known by its sha256.
        reference = tag if tag and algorithm == "sha256" else f"{dgst}?tag={tag}" if tag else dgst
        answer = self.ask("PUT", f"/v2/{repo}/manifests/{reference}", content)
        assert answer.status == 201, answer
        return dgst, content

    def begin(self, repo: str, query: str = "") -> str:
        """Begin an upload, and return where it goes on."""
        answer = self.ask("POST", f"/v2/{repo}/blobs/uploads/{query}")
        assert answer.status == 202
        return answer.headers["Location"]

    def tags(self, repo: str, query: str = "") -> list[str]:
        """The tags of *repo*."""
        listed = json.loads(self.get(f"/v2/{repo}/tags/list{query}").body)
        assert listed["name"] == repo
        tags: list[str] = listed["tags"]
        return tags


@contextmanager
def example(
    root: str,
    cache: str = "memory://",
    program: str = "registry_fastapi.py",
    heads: str = "confirmed",
    **env: str,
) -> Iterator[Client]:
    """Run an example registry over *root*, a directory or a URL, with the cache at a URL."""
    port = free_port()
    options = ["--root", root, "--port", str(port), "--cache", cache, "--heads", heads]
    with running([sys.executable, str(EXAMPLES / program), *options], port, os.environ | env):
        yield Client(port)


@contextmanager
def debian(folder: Path, redis: str = "") -> Iterator[str]:
    """Run Debian's registry over `folder/tree`, and give its host and port.

    With *redis*, the host and port of one, it keeps its layer info cache there.
    """
    port = free_port()
    storage: dict[str, object] = {
        "filesystem": {"rootdirectory": str(folder / "tree")},
        "delete": {"enabled": True},
    }
    settings: dict[str, object] = {
        "version": "0.1",
        "log": {"level": "error"},
        "storage": storage,
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    if redis:
        storage["cache"] = {"blobdescriptor": "redis"}
        settings["redis"] = {"addr": redis}
    config = folder / "config.yml"
    config.write_text(json.dumps(settings))  # YAML reads JSON, too.
    with running(["docker-registry", "serve", str(config)], port):
        yield f"127.0.0.1:{port}"
