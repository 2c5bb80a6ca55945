"""What is asked of the cache, what of the source, and what is filled in."""

import asyncio

import pytest

from layercache import (
    NotFoundError,
)
from layercache.readthrough import WIDTH
from layercache.testing import new_digest, new_meta
from tests.readthrough.house import CTX, DGST, META, OTHER, REPO, House


async def test_a_miss_is_answered_by_the_source_and_filled_in(house: House) -> None:
    """The first question goes to the source, the second is answered from the cache."""
    assert await house.front.stat(CTX, REPO, DGST) == META
    assert house.knows()
    questions = house.source.questions
    assert await house.front.stat(CTX, REPO, DGST) == META
    assert house.source.questions == questions
    assert house.tally.told == ["miss stat", "asked stat", "filled", "hit stat"]


async def test_a_no_of_the_source_is_a_no(house: House) -> None:
    """What the source does not have is not found, and nothing is filled in."""
    with pytest.raises(NotFoundError):
        await house.front.stat(CTX, OTHER, DGST)
    assert await house.front.contains(CTX, OTHER, DGST) is False
    assert not house.store.members
    assert "filled" not in house.tally.told


async def test_contains_is_stat_without_the_answer(house: House) -> None:
    """A digest that was forgotten is claimed by no repository, though its membership lies in the set."""
    assert await house.front.contains(CTX, REPO, DGST) is True
    house.source.delete(DGST)
    await house.front.forget(CTX, DGST)
    assert (REPO, DGST) in house.store.members
    assert await house.front.contains(CTX, REPO, DGST) is False
    assert await house.front.contains_many(CTX, REPO, [DGST]) == [False]


async def test_meta_asks_and_fills_the_meta_alone(house: House) -> None:
    """`meta` says where a blob lies for whichever repository, and claims no membership."""
    assert await house.front.meta(CTX, DGST) == META
    assert house.store.metas == {DGST: META}
    assert not house.store.members
    await house.front.meta(CTX, DGST)
    assert house.source.questions == 1


async def test_many_are_asked_of_the_cache_at_once_and_the_rest_of_the_source(house: House) -> None:
    """A bulk form makes one call to the cache, and one question to the source per layer it missed."""
    more = [new_digest() for _ in range(3)]
    house.source.put(REPO, more[0], new_meta(more[0]))
    await house.front.stat(CTX, REPO, DGST)
    house.tally.told.clear()
    asked = [more[1], DGST, more[0], more[0], more[2]]
    expected = [None, META, new_meta(more[0]), new_meta(more[0]), None]
    assert await house.front.stat_many(CTX, REPO, asked) == expected
    assert house.cache.calls["stat_many"] == 1
    assert house.tally.told.count("asked stat") == 3
    assert await house.front.contains_many(CTX, REPO, asked) == [meta is not None for meta in expected]


async def test_the_halves_of_an_answer_were_true_together(house: House) -> None:
    """The source is asked for the meta before the membership, not the other way round."""
    # 1  reader: membership of REPO: "yes"
    # 2  the blob is deleted, REPO's link too; the blob is pushed again, to OTHER
    # 3  reader: meta: "there"                <- never true of REPO together
    house.source.hold()
    reading = asyncio.ensure_future(house.front.stat(CTX, REPO, DGST))
    await house.source.asked()
    house.source.delete(DGST)
    house.source.unlink(REPO, DGST)
    house.source.put(OTHER, DGST, META)
    house.source.release()
    with pytest.raises(NotFoundError):
        await reading


async def test_a_bulk_form_asks_about_some_at_a_time(house: House) -> None:
    """However many layers the cache does not know, the source is asked about a bounded number at once."""
    dgsts = [new_digest() for _ in range(3 * WIDTH)]
    house.source.hold()
    asking = asyncio.ensure_future(house.front.stat_many(CTX, REPO, [DGST, *dgsts]))
    await house.source.asked()
    assert WIDTH < len(asyncio.all_tasks()) < 3 * WIDTH, "a flight is a task, and so is who waits for it"
    house.source.release()
    assert await asking == [META] + [None] * len(dgsts)
