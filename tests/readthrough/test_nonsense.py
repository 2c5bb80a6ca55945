"""A malformed answer of a source is an error that names it, and is not stored."""

import decimal
from http import HTTPStatus

import pytest

from layercache import BackendError, Context, CorruptEntryError, LayerInfoSource, LayerMeta, ReadThroughCache
from layercache.asking import ask_membership
from tests.readthrough.setup import CTX, DGST, META, REPO, Setup
from tests.str_subclasses import STR_SUBCLASSES

NO_METAS: list[object] = [
    None,
    tuple(META),
    "/data",
    b"/data",
    {"path": "/data", "length": 1},
    LayerMeta("", 1),
    LayerMeta("/data", -1),
    LayerMeta("/data", 2**63),
    LayerMeta("/data", 10**5000),
    LayerMeta("/data", length=True),
    LayerMeta("/data", HTTPStatus.OK),
    LayerMeta("/data", 1.0),  # type: ignore[arg-type]  # what an untyped source may return, here and below
    LayerMeta("/data", decimal.Decimal(1)),  # type: ignore[arg-type]
    LayerMeta("/data", None),  # type: ignore[arg-type]
    LayerMeta("/data", 1, None),  # type: ignore[arg-type]
    LayerMeta(None, 1),  # type: ignore[arg-type]
    LayerMeta("/\ud800", 1),
    *(LayerMeta(subclass("/data"), 1) for subclass in STR_SUBCLASSES.values()),
    *(LayerMeta("/data", 1, subclass("a/b")) for subclass in STR_SUBCLASSES.values()),
]
NO_BOOLS: list[object] = [None, 1, 0, "yes", "", "False", [], object()]


class FixedSource(LayerInfoSource):
    """A source that returns what it was made with."""

    def __init__(self, meta: object, is_member: object = True) -> None:
        self._meta = meta
        self._is_member = is_member

    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
        return self._meta  # type: ignore[return-value]

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        return self._meta  # type: ignore[return-value]

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        return self._is_member  # type: ignore[return-value]

    def __repr__(self) -> str:
        return "<the source of the tests>"


NONSENSE = [pytest.param(FixedSource(meta), id=str(number)) for number, meta in enumerate(NO_METAS)]


@pytest.mark.parametrize("source", NONSENSE)
async def test_nonsense_is_an_error_that_names_the_source(setup: Setup, source: FixedSource) -> None:
    """Whatever a source returns that no cache could store is an error of each read, and is not filled in."""
    cache = ReadThroughCache(setup.faulty, source)
    for read in (cache.stat, cache.contains, cache.confirm):
        with pytest.raises(CorruptEntryError, match="<the source of the tests>"):
            await read(CTX, REPO, DGST)
    with pytest.raises(CorruptEntryError, match="<the source of the tests>"):
        await cache.meta(CTX, DGST)
    with pytest.raises(BackendError):
        await cache.stat_many(CTX, REPO, [DGST])
    assert (setup.reference.members, setup.reference.metas) == (set(), {})


@pytest.mark.parametrize("source", NONSENSE)
async def test_nonsense_leaves_no_yes_behind(setup: Setup, source: FixedSource) -> None:
    """After a `confirm` that got a malformed answer, the cache no longer knows the layer."""
    await setup.reference.put(CTX, REPO, DGST, META)
    with pytest.raises(CorruptEntryError):
        await ReadThroughCache(setup.faulty, source).confirm(CTX, REPO, DGST)
    assert not setup.is_known()


@pytest.mark.parametrize("answer", NO_BOOLS, ids=repr)
async def test_a_membership_is_a_bool(answer: object) -> None:
    """An answer of `contains` that is no bool is an error that names the source, for the Reconciler."""
    with pytest.raises(CorruptEntryError, match="<the source of the tests>"):
        await ask_membership(FixedSource(META, answer), CTX, REPO, DGST)


async def test_a_meta_is_returned_as_it_is(setup: Setup) -> None:
    """A well-formed meta of a source is returned as it is."""
    assert await ReadThroughCache(setup.faulty, FixedSource(META)).stat(CTX, REPO, DGST) is META
