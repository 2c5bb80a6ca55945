"""How the example registry runs if it is told nothing else: as fast as it can."""

import http.client
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.registries import EXAMPLES
from tests.storage.servers import await_listening, free_port


@pytest.mark.parametrize(("options", "is_logged"), [([], False), (["--access-log"], True)])
def test_access_log(tmp_path: Path, options: list[str], is_logged: bool) -> None:
    """A request is a line of the log only where that was asked for."""
    port, log = free_port(), tmp_path / "log"
    program = [sys.executable, str(EXAMPLES / "registry_fastapi.py"), "--root", str(tmp_path)]
    with (
        log.open("w") as output,
        subprocess.Popen([*program, "--port", str(port), *options], stdout=output, stderr=output) as process,
    ):
        await_listening(process, port)
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/v2/")
        assert connection.getresponse().status == 200
        connection.close()
        process.send_signal(signal.SIGTERM)
    assert ("GET /v2/" in log.read_text()) == is_logged


def test_heap_is_frozen() -> None:
    """What was loaded before the first request is left out of collections."""
    code = (
        "import gc, registry_fastapi; registry_fastapi.freeze_heap(); assert gc.get_freeze_count() > 10_000"
    )
    environment = os.environ | {"PYTHONPATH": str(EXAMPLES)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
