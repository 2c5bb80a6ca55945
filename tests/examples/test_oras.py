"""The client of the ORAS project, from PyPI: an artifact comes out as it went in."""

from pathlib import Path

import oras.client  # type: ignore[import-untyped]
import pytest

from tests.examples.registries import Client


@pytest.mark.parametrize("in_chunks", [False, True], ids=["whole", "in chunks"])
def test_artifact(registry: Client, repo: str, tmp_path: Path, in_chunks: bool) -> None:
    """What oras pushes, in one piece or in chunks, it pulls again."""
    content = bytes(range(256)) * 1000
    (tmp_path / "artifact.bin").write_bytes(content)
    client = oras.client.OrasClient(hostname=registry.host, insecure=True)
    target = f"{registry.host}/{repo}:1.0"
    pushed = client.push(
        target,
        files=[f"{tmp_path / 'artifact.bin'}:application/x.test"],
        disable_path_validation=True,
        do_chunked=in_chunks,
        chunk_size=100_000,
        quiet=True,
    )
    assert pushed.status_code == 201
    [pulled] = client.pull(target, outdir=str(tmp_path / "out"))
    assert Path(pulled).read_bytes() == content
    assert client.get_tags(f"{registry.host}/{repo}") == ["1.0"]
