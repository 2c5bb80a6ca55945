"""What a storage source says of a tree, on disk and in a bucket alike."""

import pytest

from layercache.context import background
from layercache.errors import (
    BackendUnavailableError,
    ContextError,
    CorruptEntryError,
    InvalidArgumentError,
    NotFoundError,
)
from layercache.meta import LayerMeta
from layercache.names import Digest
from layercache.storage import StorageSource
from layercache.storage.layout import data_path, layer_link_path, revision_link_path, tag_link_path
from tests.storage.trees import ABSENT, Tree, digest_of

CTX = background()


async def whole(source: StorageSource, dgst: Digest, meta: LayerMeta, part: range | None = None) -> bytes:
    """All that `open` gives."""
    return b"".join([chunk async for chunk in await source.open(CTX, dgst, meta, part)])


async def test_contains_linked_blob(tree: Tree, source: StorageSource) -> None:
    """A repository contains a blob that it links and that is there."""
    dgst = tree.layer("library/x", b"layer")
    assert await source.contains(CTX, "library/x", dgst)


async def test_contains_nothing_of_others(tree: Tree, source: StorageSource) -> None:
    """A blob that is there belongs to none but those that link it."""
    dgst = tree.layer("library/x", b"layer")
    assert not await source.contains(CTX, "library", dgst)
    assert not await source.contains(CTX, "library/x/y", dgst)


async def test_contains_nothing_swept(tree: Tree, source: StorageSource) -> None:
    """A link whose blob was swept says no."""
    dgst = tree.layer("x", b"layer")
    tree.delete(data_path(dgst))
    assert not await source.contains(CTX, "x", dgst)


async def test_contains_follows_link(tree: Tree, source: StorageSource) -> None:
    """A link stands for the blob that it names, be that another than its own."""
    target = tree.blob(b"layer")
    alias = digest_of(b"layer", "sha512")
    tree.write(layer_link_path("x", alias), target.encode())
    assert await source.contains(CTX, "x", alias)
    tree.delete(data_path(target))
    assert not await source.contains(CTX, "x", alias)


@pytest.mark.parametrize("content", [b"layer", b""], ids=["layer", "empty"])
async def test_meta(tree: Tree, source: StorageSource, content: bytes) -> None:
    """The meta of a blob is the Go registry's path of it and its length, whoever links it."""
    dgst = tree.blob(content)
    path = f"/docker/registry/v2/blobs/sha256/{dgst.encoded[:2]}/{dgst.encoded}/data"
    assert await source.meta(CTX, dgst) == LayerMeta(path, len(content))


async def test_meta_of_nothing(source: StorageSource) -> None:
    """A blob that is not there has no meta."""
    with pytest.raises(NotFoundError) as caught:
        await source.meta(CTX, ABSENT)
    assert caught.value.dgst == ABSENT


@pytest.mark.parametrize("content", [b"", b"sha256:4355", b"x" * 4096], ids=["empty", "truncated", "a file"])
async def test_corrupt_layer_link(tree: Tree, source: StorageSource, content: bytes) -> None:
    """A link that names no digest is an error that names the link, and after its repair a yes."""
    dgst = tree.layer("x", b"layer")
    path = layer_link_path("x", dgst)
    tree.write(path, content)
    with pytest.raises(CorruptEntryError) as caught:
        await source.contains(CTX, "x", dgst)
    assert caught.value.key == path
    tree.write(path, dgst.encode())
    assert await source.contains(CTX, "x", dgst)


async def test_manifests(tree: Tree, source: StorageSource) -> None:
    """A tag names a manifest, and a repository has the manifests that it links."""
    dgst = tree.manifest("x", "1.0", b"{}")
    assert await source.tagged(CTX, "x", "1.0") == dgst
    assert await source.tagged(CTX, "x", "2.0") is None
    assert await source.has_manifest(CTX, "x", dgst)
    assert not await source.has_manifest(CTX, "y", dgst)
    assert not await source.contains(CTX, "x", dgst)


async def test_corrupt_manifest_links(tree: Tree, source: StorageSource) -> None:
    """The links of manifests and tags are held to the same as those of layers."""
    dgst = tree.manifest("x", "1.0", b"{}")
    for path in (tag_link_path("x", "1.0"), revision_link_path("x", dgst)):
        tree.write(path, b"")
    with pytest.raises(CorruptEntryError):
        await source.tagged(CTX, "x", "1.0")
    with pytest.raises(CorruptEntryError):
        await source.has_manifest(CTX, "x", dgst)


# ---- no tree, no answer


async def test_root_without_tree_is_no_no(root: Tree) -> None:
    """Where there is no tree, nothing is denied: that is an error."""
    root.write("/some/thing/else", b"")
    source = root.source()
    with pytest.raises(BackendUnavailableError, match="no registry's tree"):
        await source.contains(CTX, "x", ABSENT)
    with pytest.raises(BackendUnavailableError):
        await source.meta(CTX, ABSENT)
    with pytest.raises(BackendUnavailableError):
        await source.tagged(CTX, "x", "1.0")


# ---- opening


async def test_open(tree: Tree, source: StorageSource) -> None:
    """What is opened is the blob's bytes, or the part that is asked for, over chunks."""
    content = bytes(range(256)) * 3000
    dgst = tree.blob(content)
    meta = await source.meta(CTX, dgst)
    assert await whole(source, dgst, meta) == content
    assert await whole(source, dgst, meta, range(1, 700_000)) == content[1:700_000]


async def test_open_empty(tree: Tree, source: StorageSource) -> None:
    """An empty blob is opened like any other."""
    dgst = tree.blob(b"")
    assert await whole(source, dgst, await source.meta(CTX, dgst)) == b""


async def test_open_vanished(tree: Tree, source: StorageSource) -> None:
    """A meta of a blob that is no longer there opens nothing."""
    dgst = tree.blob(b"layer")
    meta = await source.meta(CTX, dgst)
    tree.delete(meta.path)
    with pytest.raises(NotFoundError):
        await source.open(CTX, dgst, meta)


async def test_open_truncated(tree: Tree, source: StorageSource) -> None:
    """A meta whose length is not the blob's opens nothing."""
    dgst = tree.blob(b"layer")
    meta = await source.meta(CTX, dgst)
    tree.write(meta.path, b"lay")
    with pytest.raises(NotFoundError):
        await source.open(CTX, dgst, meta)


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../../../../etc/passwd", "/secret", data_path(digest_of(b"other"))]
)
async def test_open_elsewhere(tree: Tree, source: StorageSource, path: str) -> None:
    """A meta that names any other file than the blob's opens nothing, be that file there or not."""
    dgst = tree.blob(b"layer")
    tree.blob(b"other")
    tree.write("/secret", b"layer")
    with pytest.raises(NotFoundError):
        await source.open(CTX, dgst, LayerMeta(path, 5))


# ---- names and contexts


@pytest.mark.parametrize(
    "repo", ["", "..", "../x", "x/..", "x//y", "/x", "X", "x\0", "x\\y", "_layers", "x" * 256]
)
async def test_malformed_repositories(source: StorageSource, repo: str) -> None:
    """A name that the grammar has no room for is refused."""
    with pytest.raises(InvalidArgumentError):
        await source.contains(CTX, repo, ABSENT)


@pytest.mark.parametrize(
    "dgst", ["", "sha256:", "sha256:../..", "sha256:AB", "x", "a/b:c", "future:" + "a" * 1000]
)
async def test_malformed_digests(source: StorageSource, dgst: str) -> None:
    """A digest that is none is refused, by every question that takes one."""
    with pytest.raises(InvalidArgumentError):
        await source.contains(CTX, "x", dgst)
    with pytest.raises(InvalidArgumentError):
        await source.meta(CTX, dgst)
    with pytest.raises(InvalidArgumentError):
        await source.has_manifest(CTX, "x", dgst)
    with pytest.raises(InvalidArgumentError):
        await source.open(CTX, dgst, LayerMeta("/x", 0))


async def test_ended_context(tree: Tree, source: StorageSource) -> None:
    """Under a context that has ended, nothing is answered."""
    dgst = tree.layer("x", b"layer")
    with background().with_timeout(0) as ctx:
        with pytest.raises(ContextError):
            await source.contains(ctx, "x", dgst)
        with pytest.raises(ContextError):
            await source.meta(ctx, dgst)
        with pytest.raises(ContextError):
            await source.open(ctx, dgst, LayerMeta(data_path(dgst), 5))
