"""What a walk finds, and what it mends."""

from pathlib import Path

import pytest

from layercache.backends.memory import MemoryCache
from layercache.context import background
from layercache.errors import BackendUnavailableError, InvalidArgumentError
from layercache.meta import LayerMeta
from layercache.reconcile import Difference, Kind, Reconciler, Report
from layercache.source import PARTS, LayerInfoSource
from layercache.storage import StorageSource, reconcile
from layercache.storage.layout import data_path, layer_link_path
from layercache.testing import SlowSource
from tests.storage.trees import ABSENT, Tree, digest_of
from tests.storage.worlds import Hooked, World, meta_of

CTX = background()
END = PARTS[-1]
CONTENT = b"layer"


# ---- nothing to find


async def test_agreement(world: World) -> None:
    """Where the two agree, nothing is told, and nothing is asked for one by one."""
    for number in range(20):
        await world.layer(f"x/{number % 3}", b"%d" % number)
    source = Hooked(world.source, {})
    told, report = await world.walk(fix=True, source=source)
    assert told == []
    assert report == Report(END, 40, 40, 0, 0, 0, 0, 0)
    assert not any("contains" in moment or "meta" in moment for moment in source.moments)


async def test_alias_is_no_difference(world: World) -> None:
    """A link that names another blob than its own is read, and believed."""
    dgst = await world.layer("x", CONTENT)
    alias = "sha512:" + "0" * 128
    world.tree.write(layer_link_path("x", alias), dgst.encode())
    await world.cache.add(CTX, "x", alias)
    assert await world.walk() == ([], Report(END, 3, 2, 0, 0, 0, 0, 0))


# ---- what can be found, each of it by itself


async def test_stale_membership(world: World) -> None:
    """A membership whose link is gone is stale, and then forgotten; the meta of the blob stays."""
    dgst = await world.layer("x", CONTENT)
    world.tree.delete(layer_link_path("x", dgst))
    stale = Difference(Kind.STALE, "x", dgst)
    assert (await world.walk())[0] == [stale]
    assert await world.knows("x", dgst) == (True, True)
    assert (await world.walk(fix=True))[0] == [stale._replace(fixed=True)]
    assert await world.knows("x", dgst) == (False, True)
    assert (await world.walk())[0] == []


async def test_stale_meta(world: World) -> None:
    """A meta whose blob is gone is stale, and then forgotten."""
    dgst = await world.layer("x", CONTENT)
    await world.cache.set_meta(CTX, ABSENT, meta_of(ABSENT, b""))
    stale = Difference(Kind.STALE, None, ABSENT)
    assert (await world.walk())[0] == [stale]
    assert (await world.walk(fix=True))[0] == [stale._replace(fixed=True)]
    assert await world.knows("x", ABSENT) == (False, False)
    assert await world.knows("x", dgst) == (True, True)
    assert (await world.walk())[0] == []


async def test_swept_blob(world: World) -> None:
    """Where a sweep has left the links, every membership of the blob is stale."""
    dgst = await world.layer("x", CONTENT)
    await world.layer("y", CONTENT)
    await world.layer("z", b"another")
    world.tree.delete(data_path(dgst))
    told, report = await world.walk(fix=True)
    assert told == [Difference(Kind.STALE, repo, dgst, fixed=True) for repo in ("x", "y", None)]
    assert (report.stale, report.fixed) == (3, 3)
    assert (await world.walk())[0] == []


async def test_a_part_that_is_too_large_to_be_held(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that is compared slice by slice tells what it would have told, and is as complete."""
    repos = [f"x{number}" for number in range(9)]
    for repo in repos:
        await world.layer(repo, CONTENT)
    for repo in repos[:5]:
        world.tree.delete(layer_link_path(repo, digest_of(CONTENT)))
    whole, report = await world.walk()
    monkeypatch.setattr(reconcile, "HELD", 4)
    sliced, same = await world.walk()
    assert len(sliced) == 5
    assert sorted(sliced) == sorted(whole)
    assert same == report
    await world.walk(fix=True)
    assert (await world.walk())[0] == []


@pytest.mark.parametrize("wrong", ["length", "path"])
async def test_wrong_meta(world: World, wrong: str) -> None:
    """A meta that says another thing than the source is stale, and then says what the source does."""
    dgst = await world.layer("x", CONTENT)
    truth = meta_of(dgst, CONTENT)
    lie = truth._replace(length=4) if wrong == "length" else truth._replace(path="/elsewhere")
    await world.cache.set_meta(CTX, dgst, lie)
    stale = Difference(Kind.STALE, None, dgst)
    assert (await world.walk())[0] == [stale]
    assert (await world.walk(fix=True))[0] == [stale._replace(fixed=True)]
    assert await world.cache.stat(CTX, "x", dgst) == truth


async def test_missing(world: World) -> None:
    """What the source has and the cache does not know is missing, and stays so."""
    dgst = world.tree.layer("x", CONTENT)
    missing = [Difference(Kind.MISSING, "x", dgst), Difference(Kind.MISSING, None, dgst)]
    for _ in range(2):
        assert await world.walk(fix=True) == (missing, Report(END, 0, 2, 0, 2, 0, 0, 0))


async def test_names_of_no_registry(world: World) -> None:
    """A name that no source could have is stale, if the cache answers for it."""
    await world.layer("x", CONTENT)
    await world.cache.put(CTX, "Not/A/Name", "latest", LayerMeta("/latest", 1))
    told, _ = await world.walk(fix=True)
    assert told == [
        Difference(Kind.STALE, "Not/A/Name", "latest", fixed=True),
        Difference(Kind.STALE, None, "latest", fixed=True),
    ]
    assert (await world.walk())[0] == []


async def test_strange_files(world: World, tmp_path: Path) -> None:
    """Files that no registry has written disturb nothing."""
    dgst = await world.layer("x", CONTENT)
    for name in ("é", "%0a", "a b", "A", "..."):
        for folder in (
            f"repositories/{name}/_layers/sha256/{dgst.encoded}",
            f"blobs/sha256/{name[:2]}/{name}",
        ):
            path = tmp_path / "docker/registry/v2" / folder
            path.mkdir(parents=True)
            for file in ("link", "data"):
                (path / file).write_bytes(dgst.encode())
    assert (await world.walk())[0] == []


# ---- other caches, other sources


async def test_everything_at_once(world: World) -> None:
    """Many differences among many layers are all found, and all mended."""
    kept = [await world.layer("x", b"kept %d" % number) for number in range(300)]
    stale = [await world.stale("x", b"stale %d" % number) for number in range(300)]
    missing = [world.tree.layer("y", b"missing %d" % number) for number in range(300)]
    told, report = await world.walk(fix=True)
    assert {difference.dgst for difference in told if difference.kind is Kind.STALE} == set(stale)
    assert {difference.dgst for difference in told if difference.kind is Kind.MISSING} == set(missing)
    assert (report.stale, report.missing, report.fixed) == (600, 600, 600)
    assert await world.cache.contains_many(CTX, "x", kept) == [True] * len(kept)
    assert await world.cache.contains_many(CTX, "x", stale) == [False] * len(stale)


async def test_memory_cache(tmp_path: Path) -> None:
    """A cache in memory can be held against a source as well."""
    world = World(Tree(tmp_path.as_uri()), MemoryCache())
    kept, stale = await world.layer("x", b"kept"), await world.stale("x", b"stale")
    told, _ = await world.walk(fix=True)
    assert told == [Difference(Kind.STALE, repo, stale, fixed=True) for repo in ("x", None)]
    assert await world.knows("x", kept) == (True, True)
    assert await world.knows("x", stale) == (False, False)


async def test_bucket(root: Tree) -> None:
    """A tree in a bucket is walked as one on disk is."""
    world = World(root, MemoryCache())
    kept, stale = await world.layer("x", b"kept"), await world.stale("x", b"stale")
    told, _ = await world.walk(fix=True)
    assert told == [Difference(Kind.STALE, repo, stale, fixed=True) for repo in ("x", None)]
    assert await world.knows("x", kept) == (True, True)


async def test_source_that_cannot_be_listed(world: World) -> None:
    """A source that cannot be listed is asked for everything that the cache knows."""
    source = SlowSource()
    source.release()
    dgst = await world.layer("x", CONTENT)
    source.put("x", dgst, meta_of(dgst, CONTENT))
    stale = await world.stale("x", b"stale")
    told, report = await world.walk(fix=True, source=source)
    assert told == [Difference(Kind.STALE, repo, stale, fixed=True) for repo in ("x", None)]
    assert (report.listed, report.missing) == (0, 0)
    assert await world.knows("x", dgst) == (True, True)


# ---- no tree, no answer


async def test_no_tree(world: World, tmp_path: Path) -> None:
    """Where there is no tree, the walk fails, and nothing is forgotten."""
    dgst = await world.layer("x", CONTENT)
    (tmp_path / "docker").rename(tmp_path / "elsewhere")
    with pytest.raises(BackendUnavailableError, match="no registry's tree"):
        await world.walk(fix=True)
    assert await world.knows("x", dgst) == (True, True)


# ---- arguments


@pytest.mark.parametrize("cursor", ["0", "100", "FF", "sha256"])
async def test_malformed_cursor(world: World, cursor: str) -> None:
    """What is no cursor is refused."""
    with pytest.raises(InvalidArgumentError):
        await world.walk(cursor=cursor)


def test_no_concurrency(world: World) -> None:
    """Less than one question at a time is refused."""
    with pytest.raises(InvalidArgumentError):
        Reconciler(world.cache, world.source, concurrency=0)


async def test_repr(tmp_path: Path) -> None:
    """The repr tells what is held against what."""
    source: LayerInfoSource = StorageSource(tmp_path.as_uri())
    cache = MemoryCache()
    assert repr(Reconciler(cache, source)) == f"<Reconciler of {cache!r} with {source!r}>"
