"""The kit finds what is broken: for every check there is a cache that fails it."""

import pytest

from layercache import background
from layercache.testing import CHECKS, Check
from tests.kit.broken import BROKEN
from tests.reference import ReferenceCache


def test_every_check_has_its_broken_cache() -> None:
    """There is a broken cache for each check, and none for a check that does not exist."""
    assert set(BROKEN) == {check.__name__ for check in CHECKS}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_a_broken_cache_fails_the_check(check: Check) -> None:
    """A cache that breaks the promise of a check fails it."""
    for broken in BROKEN[check.__name__]:
        with pytest.raises(AssertionError):
            await check(background(), broken())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_the_reference_passes_the_check(check: Check) -> None:
    """The reference, which breaks no promise, passes every check."""
    await check(background(), ReferenceCache())
