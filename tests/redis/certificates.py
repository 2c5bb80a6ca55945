"""A certificate that only the test trusts, by the openssl program."""

import ssl
import subprocess
from pathlib import Path

LOCAL = "DNS:localhost,IP:127.0.0.1"


class Certificate:
    """A self-signed certificate, for *names*, and its key, as files."""

    def __init__(self, directory: Path, names: str = LOCAL) -> None:
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
        subject = ["-subj", "/CN=a server", "-addext", f"subjectAltName={names}"]
        subprocess.run(
            [*request, *subject, "-days", "2", "-keyout", self.key, "-out", self.file],
            check=True,
            capture_output=True,
        )

    def server_context(self) -> ssl.SSLContext:
        """What a server in this process needs to show it."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.file, self.key)
        return context
