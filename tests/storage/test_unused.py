"""What a sweep may delete, on disk and in a bucket alike: nothing that anybody could have."""

import json

import pytest

from layercache.context import background
from layercache.errors import BackendError, BackendUnavailableError, CanceledError
from layercache.names import Digest
from layercache.storage import StorageSource, Unused
from layercache.storage.layout import data_path, layer_link_path, revision_link_path
from tests.storage.servers import answering, s3_options
from tests.storage.trees import Tree, digest_of

CTX = background()


async def unused(root: Tree) -> list[Digest]:
    """What a sweep of *root* would delete."""
    return list((await root.source().unused(CTX)).blobs)


async def test_nobody_has_it(tree: Tree) -> None:
    """A blob without a link is nobody's; one that is linked as a layer or as a manifest is not."""
    nobodys = [tree.blob(b"first"), tree.blob(b"second")]
    tree.layer("x", b"layer")
    tree.manifest("x", "1.0", b"{}")
    assert await tree.source().unused(CTX) == Unused(sorted(nobodys), 0, [])


@pytest.mark.parametrize("kind", ["layers", "config", "manifests", "fsLayers", "subject"])
@pytest.mark.parametrize("size", [0, 300_000], ids=["short", "long"])
async def test_mentioned_by_a_manifest(tree: Tree, kind: str, size: int) -> None:
    """A blob that a manifest mentions stays although no link names it, however long the manifest is."""
    dgst = tree.blob(b"layer")
    tree.manifest("x", "1.0", json.dumps({"a": "x" * size, kind: [{"digest": dgst}]}).encode())
    assert await unused(tree) == []


async def test_manifest_of_nobody(tree: Tree) -> None:
    """What only a manifest mentions that no repository has is nobody's, and so is the manifest."""
    dgst = tree.blob(b"layer")
    manifest = tree.blob(json.dumps({"layers": [{"digest": dgst}]}).encode())
    assert await unused(tree) == sorted([dgst, manifest])


async def test_link_to_another_digest(tree: Tree) -> None:
    """A link by another algorithm keeps the blob that it names, as a layer or as a manifest."""
    for path_of, content in ((layer_link_path, b"layer"), (revision_link_path, b"{}")):
        target = tree.blob(content)
        tree.write(path_of("x", digest_of(content, "sha512")), target.encode())
    assert await unused(tree) == []


@pytest.mark.parametrize("content", [b"", b"sha256:4355", b"x" * 4096], ids=["empty", "truncated", "a file"])
@pytest.mark.parametrize("path_of", [layer_link_path, revision_link_path])
async def test_corrupt_link(tree: Tree, content: bytes, path_of: type) -> None:
    """A link that names nothing keeps the blob that it is for, and is told."""
    dgst = tree.blob(b"layer")
    tree.write(path_of("x", dgst), content)
    found = await tree.source().unused(CTX)
    assert found == Unused([], 1, [path_of("x", dgst)[1:]])


async def test_repository_of_no_registry(tree: Tree) -> None:
    """A link in a folder that no registry could have made keeps its blob all the same."""
    dgst = tree.blob(b"layer")
    path = layer_link_path("x", dgst).replace("/x/", "/Copy of x~/")
    tree.write(path, dgst.encode())
    found = await tree.source().unused(CTX)
    assert (list(found.blobs), found.passed_over) == ([], 1)


# ---- a tree that is not all there


@pytest.mark.parametrize(
    "left", [None, "_uploads/1/startedat", "_manifests/tags/1.0/current/link", "_layers/sha256/README"]
)
async def test_no_links_at_all(root: Tree, left: str | None) -> None:
    """Where there are blobs and not one link, nobody's is no answer, whatever else is left."""
    root.blob(b"layer")
    if left is not None:
        root.write(f"/docker/registry/v2/repositories/x/{left}", b"")
    with pytest.raises(BackendUnavailableError, match="/docker/registry/v2/repositories"):
        await unused(root)


async def test_no_tree(root: Tree) -> None:
    """Where there is no tree, there is nothing to sweep, and that is an error."""
    root.write("/some/thing/else", b"")
    with pytest.raises(BackendUnavailableError, match="no registry's tree"):
        await unused(root)


async def test_new_tree(root: Tree) -> None:
    """In a tree to which nothing was pushed yet, nothing is unused."""
    root.write("/docker/registry/v2/tree", b"")
    assert await unused(root) == []


async def test_manifest_that_vanished(tree: Tree) -> None:
    """A manifest whose blob is gone mentions nothing."""
    dgst = tree.manifest("x", "1.0", b"{}")
    tree.delete(data_path(dgst))
    nobodys = tree.blob(b"nobody's")
    assert await unused(tree) == [nobodys]


async def test_storage_that_fails() -> None:
    """A storage that cannot be read to the end leaves nothing unused."""
    async with answering(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n") as server:
        source = StorageSource("s3://bucket", **s3_options(server.url))
        with pytest.raises(BackendError):
            await source.unused(CTX)


async def test_ended_context(tree: Tree) -> None:
    """Under a context that has ended, nothing is looked for."""
    with CTX.with_cancel() as ctx:
        ctx.cancel()
        with pytest.raises(CanceledError):
            await tree.source().unused(ctx)
