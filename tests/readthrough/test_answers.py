"""What is asked of the cache, what of the source, and what is filled in."""

import asyncio

import pytest

from layercache import NotFoundError
from layercache.readthrough.backend import WIDTH
from layercache.testing import new_digest, new_meta
from tests.readthrough.setup import CTX, DGST, META, OTHER, REPO, Setup


async def test_a_miss_is_answered_by_the_source_and_filled_in(setup: Setup) -> None:
    """The first question goes to the source, the second is answered from the cache."""
    assert await setup.cache.stat(CTX, REPO, DGST) == META
    assert setup.is_known()
    questions = setup.source.questions
    assert await setup.cache.stat(CTX, REPO, DGST) == META
    assert setup.source.questions == questions
    assert setup.recorder.lines == [
        "far stat miss",
        "far lease done",
        "source stat hit",
        "far fill done",
        "far stat hit",
    ]


async def test_a_no_of_the_source_is_a_no(setup: Setup) -> None:
    """What the source does not have is not found, and nothing is filled in."""
    with pytest.raises(NotFoundError):
        await setup.cache.stat(CTX, OTHER, DGST)
    assert await setup.cache.contains(CTX, OTHER, DGST) is False
    assert not setup.reference.members
    assert "far fill done" not in setup.recorder.lines


async def test_contains_is_stat_without_the_answer(setup: Setup) -> None:
    """No repository has a digest that was forgotten, though its membership is still in the set."""
    assert await setup.cache.contains(CTX, REPO, DGST) is True
    setup.source.delete(DGST)
    await setup.cache.forget(CTX, DGST)
    assert (REPO, DGST) in setup.reference.members
    assert await setup.cache.contains(CTX, REPO, DGST) is False
    assert await setup.cache.contains_many(CTX, REPO, [DGST]) == [False]


async def test_meta_asks_and_fills_the_meta_alone(setup: Setup) -> None:
    """`meta` returns where a blob lies for any repository, and stores no membership."""
    assert await setup.cache.meta(CTX, DGST) == META
    assert setup.reference.metas == {DGST: META}
    assert not setup.reference.members
    await setup.cache.meta(CTX, DGST)
    assert setup.source.questions == 1


async def test_a_bulk_form_asks_the_cache_once_and_the_source_for_the_rest(setup: Setup) -> None:
    """A bulk form makes one call to the cache, and one to the source for each layer that the cache missed."""
    more = [new_digest() for _ in range(3)]
    setup.source.put(REPO, more[0], new_meta(more[0]))
    await setup.cache.stat(CTX, REPO, DGST)
    setup.recorder.events.clear()
    asked = [more[1], DGST, more[0], more[0], more[2]]
    expected = [None, META, new_meta(more[0]), new_meta(more[0]), None]
    assert await setup.cache.stat_many(CTX, REPO, asked) == expected
    assert setup.faulty.calls["stat_many"] == 1
    assert [event for event in sorted(setup.recorder.lines) if event.startswith("source")] == [
        "source stat hit",
        "source stat miss",
        "source stat miss",
    ]
    assert await setup.cache.contains_many(CTX, REPO, asked) == [meta is not None for meta in expected]


async def test_the_halves_of_an_answer_were_true_together(setup: Setup) -> None:
    """Both halves of an answer come from one question to the source."""
    # 1  reader: is it a member of REPO? "yes"
    # 2  the blob is deleted, and REPO's link; the blob is pushed again, to OTHER
    # 3  reader: where does it lie? "there"       <- never true of REPO together
    setup.source.hold()
    reading = asyncio.ensure_future(setup.cache.stat(CTX, REPO, DGST))
    await setup.source.asked()
    setup.source.delete(DGST)
    setup.source.unlink(REPO, DGST)
    setup.source.put(OTHER, DGST, new_meta(new_digest()))
    setup.source.release()
    assert await reading == META, "what was true when the source was asked"
    assert setup.source.questions == 1


async def test_a_bulk_form_asks_about_some_at_a_time(setup: Setup) -> None:
    """However many layers the cache does not know, the source is asked about a bounded number at once."""
    dgsts = [new_digest() for _ in range(3 * WIDTH)]
    setup.source.hold()
    asking = asyncio.ensure_future(setup.cache.stat_many(CTX, REPO, [DGST, *dgsts]))
    await setup.source.asked()
    assert WIDTH < len(asyncio.all_tasks()) < 3 * WIDTH, "a flight is a task, and so is its waiter"
    setup.source.release()
    assert await asking == [META] + [None] * len(dgsts)
