"""A certificate for localhost that nobody but the test trusts, by the openssl program."""

import ssl
import subprocess
from pathlib import Path


class Certificate:
    """A self-signed certificate and its key, as files."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "certificate.pem"
        self.key = directory / "key.pem"
        request = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ]
        names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        subprocess.run(
            [*request, *names, "-days", "2", "-keyout", self.key, "-out", self.file],
            check=True,
            capture_output=True,
        )

    def server_context(self) -> ssl.SSLContext:
        """What a server in this process needs to show it."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.file, self.key)
        return context
