"""What a source lists of a tree, on disk and in a bucket alike."""

import pytest

from layercache.context import background
from layercache.errors import BackendUnavailableError, CanceledError
from layercache.source import ODD_PART, PARTS, ListableSource, part_of
from layercache.storage import StorageSource
from layercache.storage.layout import data_path, layer_link_path
from tests.storage.servers import answering, s3_options
from tests.storage.trees import ABSENT, Tree, digest_of

CTX = background()


async def links(source: StorageSource) -> list[tuple[str, str]]:
    """All links that *source* lists."""
    listing = await source.listing(CTX)
    return sorted([link async for some in listing.links(CTX) for link in some])


async def blobs(source: StorageSource, *parts: str) -> dict[str, int]:
    """The blobs of *parts* that *source* lists."""
    listing = await source.listing(CTX)
    return {
        dgst: length for part in parts async for some in listing.blobs(CTX, part) for dgst, length in some
    }


def test_storage_can_be_listed(source: StorageSource) -> None:
    """A storage source is one that can be listed."""
    assert isinstance(source, ListableSource)


async def test_links(root: Tree) -> None:
    """Every layer that a repository links is listed, with or without its blob, and no manifest or tag is."""
    there, gone = root.layer("x", b"there"), root.layer("x/y", b"gone")
    root.manifest("x", "1.0", b"{}")
    root.delete(data_path(gone))
    assert await links(root.source()) == [("x", there), ("x/y", gone)]


async def test_odd_links_are_not_listed(root: Tree) -> None:
    """A link that cannot be one to its own blob is not listed, nor is what is no link."""
    dgst = root.layer("x", b"layer")
    for repo, content in {"truncated": b"sha256:", "long": dgst.encode() + b"\n"}.items():
        root.write(layer_link_path(repo, dgst), content)
    root.write(layer_link_path("x", digest_of(b"layer", "sha512")), dgst.encode())
    for name in ("README", "a/_layers/link", "a/_layers/sha256/b/c/link", "a/_layers/sha256/b/other"):
        root.write(f"/docker/registry/v2/repositories/{name}", b"x" * 8)
    assert await links(root.source()) == [("x", dgst)]


async def test_blobs(root: Tree) -> None:
    """Every blob is listed in its own part, with its length, whoever links it."""
    contents = [b"x" * size for size in range(20)]
    expected: dict[str, int] = {root.blob(content): len(content) for content in contents}
    odd = "future:ZZtop"
    root.write(data_path(odd), b"odd")
    source = root.source()
    assert await blobs(source, *PARTS) == {**expected, odd: 3}
    for part in {part_of(dgst) for dgst in expected}:
        own = {dgst: length for dgst, length in expected.items() if part_of(dgst) == part}
        assert await blobs(source, part) == own
    assert await blobs(source, ODD_PART) == {odd: 3}


async def test_other_files_are_no_blobs(root: Tree) -> None:
    """What lies among the blobs and is none is not listed."""
    dgst = root.blob(b"layer")
    for name in ("ab/README", f"ab/{dgst.encoded}/data", "ab/abcd/startedat", "ab/abcd/data/more"):
        root.write(f"/docker/registry/v2/blobs/sha256/{name}", b"")
    assert await blobs(root.source(), *PARTS) == {dgst: 5}


async def test_no_tree_is_no_listing(root: Tree) -> None:
    """Where there is no tree there is no empty listing, but an error."""
    root.write("/some/thing/else", b"")
    with pytest.raises(BackendUnavailableError, match="no registry's tree"):
        await root.source().listing(CTX)


async def test_half_of_a_tree_is_no_listing(root: Tree) -> None:
    """Where blobs are and no repositories, or the other way round, nothing is listed as linked by nobody."""
    dgst = root.blob(b"layer")
    with pytest.raises(BackendUnavailableError, match="nothing in /docker/registry/v2/repositories"):
        await links(root.source())
    root.write(layer_link_path("x", dgst), dgst.encode())
    assert await links(root.source()) == [("x", dgst)]


async def test_links_without_any_blobs(root: Tree) -> None:
    """Links of a tree that has no place for blobs are those of half of a tree."""
    root.write(layer_link_path("x", ABSENT), ABSENT.encode())
    with pytest.raises(BackendUnavailableError, match="nothing in /docker/registry/v2/blobs"):
        await links(root.source())


async def test_new_tree(root: Tree) -> None:
    """A tree to which nothing was pushed yet lists nothing."""
    root.write("/docker/registry/v2/tree", b"")
    assert await links(root.source()) == []


async def test_bucket_that_is_gone() -> None:
    """A bucket whose server fails is an error and not an empty listing."""
    async with answering(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n") as server:
        source = StorageSource("s3://bucket", **s3_options(server.url))
        with pytest.raises(BackendUnavailableError):
            await source.listing(CTX)


async def test_ends_with_its_context(root: Tree) -> None:
    """A listing goes no further than its context."""
    root.layer("x", b"layer")
    listing = await root.source().listing(CTX)
    with CTX.with_cancel() as ctx:
        links = listing.links(ctx)
        await anext(links)
        ctx.cancel()
        with pytest.raises(CanceledError):
            await anext(links)
