"""What a source says that makes no sense: an error that names it, and nothing in the cache."""

import decimal
from http import HTTPStatus

import pytest

from layercache import BackendError, Context, CorruptEntryError, LayerMeta, NotFoundError, ReadThroughCache
from tests.liars import LIARS
from tests.readthrough.house import CTX, DGST, META, REPO, House

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
    LayerMeta("/data", 1.0),  # type: ignore[arg-type]  # what an untyped source may say, here and below
    LayerMeta("/data", decimal.Decimal(1)),  # type: ignore[arg-type]
    LayerMeta("/data", None),  # type: ignore[arg-type]
    LayerMeta("/data", 1, None),  # type: ignore[arg-type]
    LayerMeta(None, 1),  # type: ignore[arg-type]
    LayerMeta("/\ud800", 1),
    *(LayerMeta(liar("/data"), 1) for liar in LIARS.values()),
    *(LayerMeta("/data", 1, liar("a/b")) for liar in LIARS.values()),
]
NO_BOOLS: list[object] = [None, 1, 0, "yes", "", "False", [], object()]


class Says:
    """A source that says what it was told to say."""

    def __init__(self, meta: object, is_member: object) -> None:
        self._meta = meta
        self._is_member = is_member

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        return self._meta  # type: ignore[return-value]

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        return self._is_member  # type: ignore[return-value]

    def __repr__(self) -> str:
        return "<the source of the tests>"


NONSENSE = [
    *(pytest.param(Says(meta, is_member=True), id=f"meta {number}") for number, meta in enumerate(NO_METAS)),
    *(pytest.param(Says(META, answer), id=f"contains {number}") for number, answer in enumerate(NO_BOOLS)),
]


@pytest.mark.parametrize("source", NONSENSE)
async def test_nonsense_is_an_error_that_names_the_source(house: House, source: Says) -> None:
    """Whatever a source says that no cache could keep is raised in each read, and is not filled in."""
    front = ReadThroughCache(house.cache, source)
    for read in (front.stat, front.contains, front.confirm):
        with pytest.raises(CorruptEntryError, match="<the source of the tests>"):
            await read(CTX, REPO, DGST)
    with pytest.raises(BackendError):
        await front.stat_many(CTX, REPO, [DGST])
    assert (house.store.members, house.store.metas) == (set(), {})


@pytest.mark.parametrize("source", NONSENSE)
async def test_nonsense_leaves_no_yes_behind(house: House, source: Says) -> None:
    """After a `confirm` that heard nonsense the cache no longer knows what it knew."""
    await house.store.put(CTX, REPO, DGST, META)
    with pytest.raises(CorruptEntryError):
        await ReadThroughCache(house.cache, source).confirm(CTX, REPO, DGST)
    assert not house.knows()


async def test_a_no_is_a_no_whatever_the_meta(house: House) -> None:
    """A source that makes sense is believed: its no is a miss, its meta is returned as it is."""
    with pytest.raises(NotFoundError):
        await ReadThroughCache(house.cache, Says(META, is_member=False)).stat(CTX, REPO, DGST)
    assert await ReadThroughCache(house.cache, Says(META, is_member=True)).stat(CTX, REPO, DGST) is META
