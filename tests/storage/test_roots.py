"""Where a storage source may be pointed at, and what it makes of it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from obstore.exceptions import BaseError, PermissionDeniedError

from layercache.context import background
from layercache.errors import (
    BackendError,
    BackendUnavailableError,
    CanceledError,
    CorruptEntryError,
    InvalidArgumentError,
)
from layercache.storage import StorageSource
from layercache.storage.layout import data_path, layer_link_path
from tests.storage.servers import S3, answering, free_port, s3_options
from tests.storage.trees import ABSENT, Tree

CTX = background()


@pytest.mark.parametrize("url", ["", "/var/lib/registry", "file://relative", "s3://", "ftp://host/path"])
def test_malformed_url(url: str) -> None:
    """What is no URL of a storage is refused at once."""
    with pytest.raises(InvalidArgumentError, match="not a storage URL"):
        StorageSource(url)


def test_unknown_option() -> None:
    """An option that the storage does not know is refused at once, by its name."""
    with pytest.raises(InvalidArgumentError, match="endpiont"):
        StorageSource("s3://bucket", endpiont="http://127.0.0.1")


def test_missing_directory(tmp_path: Path) -> None:
    """A directory that does not exist is noticed at once, and not made."""
    missing = tmp_path / "missing"
    with pytest.raises(BackendUnavailableError) as caught:
        StorageSource(missing.as_uri())
    assert isinstance(caught.value.__cause__, BaseError)
    assert not missing.exists()


async def test_directory_that_goes_away(tmp_path: Path) -> None:
    """A root that goes away is an error from the next question on."""
    root = tmp_path / "root"
    root.mkdir()
    tree = Tree(root.as_uri())
    dgst = tree.layer("x", b"layer")
    source = tree.source()
    root.rename(tmp_path / "elsewhere")
    with pytest.raises(BackendUnavailableError):
        await source.contains(CTX, "x", dgst)
    with pytest.raises(BackendUnavailableError):
        await source.meta(CTX, dgst)


async def test_link_that_is_a_giant(tmp_path: Path) -> None:
    """What is too long for a link is not even read."""
    tree = Tree(tmp_path.as_uri())
    dgst = tree.layer("x", b"layer")
    path = layer_link_path("x", dgst)
    os.truncate(tmp_path / path.removeprefix("/"), 2**40)
    with pytest.raises(CorruptEntryError):
        await tree.source().contains(CTX, "x", dgst)


async def test_directory_with_an_odd_name(tmp_path: Path) -> None:
    """A root is found whatever characters its name has."""
    root = tmp_path / "a b#c?d%20é"
    root.mkdir()
    tree = Tree(root.as_uri())
    assert await tree.source().contains(CTX, "x", tree.layer("x", b"layer"))
    assert (root / "docker/registry/v2/repositories/x/_layers").is_dir()


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("s3://bucket/a/prefix", "endpoint"),
        ("gs://bucket/a/prefix", "base_url"),
        ("az://bucket/a/prefix", "endpoint"),
    ],
)
async def test_root_in_a_bucket(url: str, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL names a bucket, or a container, and where in it the tree begins; all else is a setting."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    async with answering(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") as server:
        options = {endpoint: server.url, "skip_signature": True, "client_options": {"allow_http": True}}
        with pytest.raises(BackendError):
            await StorageSource(url, **options).meta(CTX, ABSENT)
    assert [unquote(path) for path in server.paths] == [f"/bucket/a/prefix{data_path(ABSENT)}"]


def test_account_that_nobody_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container of no account is noticed at once; an option may name the account."""
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(BackendUnavailableError, match="Account"):
        StorageSource("az://container/prefix")
    StorageSource("az://container/prefix", account_name="account")


async def test_bucket_that_is_emptied(s3: S3) -> None:
    """A tree whose last object is gone is an error from the next question on."""
    tree = Tree(f"s3://{s3.new_bucket()}", **s3.options)
    dgst = tree.blob(b"layer")
    source = tree.source()
    meta = await source.meta(CTX, dgst)
    tree.delete(meta.path)
    with pytest.raises(BackendUnavailableError):
        await source.meta(CTX, dgst)


async def test_missing_bucket(s3: S3) -> None:
    """A bucket that does not exist is an error, with the driver's own behind it, and never a no."""
    source = StorageSource("s3://missing", **s3.options)
    with pytest.raises(BackendUnavailableError) as caught:
        await source.contains(CTX, "x", ABSENT)
    assert isinstance(caught.value.__cause__, BaseError)
    with pytest.raises(BackendUnavailableError):
        await source.meta(CTX, ABSENT)


async def test_server_that_refuses() -> None:
    """A storage that lets nobody in is an error, and not one that time would heal."""
    async with answering(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") as server:
        with pytest.raises(BackendError) as caught:
            await StorageSource("s3://bucket", **s3_options(server.url)).meta(CTX, ABSENT)
    assert not isinstance(caught.value, BackendUnavailableError)
    assert isinstance(caught.value.__cause__, PermissionDeniedError)


async def test_server_that_is_down() -> None:
    """A storage that nobody serves is unavailable, in one line that names it."""
    source = StorageSource("s3://bucket", **s3_options(f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(BackendUnavailableError, match=r"^s3://bucket: [^\n]*$") as caught:
        await source.meta(CTX, ABSENT)
    assert isinstance(caught.value.__cause__, BaseError)


async def test_server_that_hangs() -> None:
    """A storage that does not answer is waited for until the context ends, and no longer."""
    async with answering(b"") as server:
        source = StorageSource("s3://bucket", **s3_options(server.url))
        with background().with_cancel() as ctx:
            question = asyncio.create_task(source.contains(ctx, "x", ABSENT))
            await server.asked.wait()
            ctx.cancel()
            with pytest.raises(CanceledError):
                await question


async def test_cancelled_from_outside() -> None:
    """A task that is cancelled while it waits ends as a cancelled task."""
    async with answering(b"") as server:
        source = StorageSource("s3://bucket", **s3_options(server.url))
        question = asyncio.create_task(source.meta(CTX, ABSENT))
        await server.asked.wait()
        question.cancel()
        with pytest.raises(asyncio.CancelledError):
            await question


def test_repr(tmp_path: Path) -> None:
    """A source shows where it looks."""
    assert repr(StorageSource(tmp_path.as_uri())) == f"<StorageSource {tmp_path.as_uri()}>"


def test_process_that_ends_after_an_answer(tmp_path: Path) -> None:
    """A process that ends right after an answer ends well, though the driver's threads are in it."""
    tree = Tree(tmp_path.as_uri())
    dgst = tree.blob(b"layer")
    program = f"""if True:
        import asyncio
        from layercache.context import background
        from layercache.storage import StorageSource
        asyncio.run(StorageSource({tree.url!r}).meta(background(), {str(dgst)!r}))
    """
    ends = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(8)]
    assert [process.wait() for process in ends] == [0] * 8
