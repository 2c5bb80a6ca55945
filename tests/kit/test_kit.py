"""The kit bites: for every check there is a cache that only it, or it first, finds broken."""

import pytest

from layercache import background
from layercache.testing import CHECKS, Check
from tests.kit.broken import BROKEN
from tests.reference import ReferenceCache


def test_every_check_has_its_broken_cache() -> None:
    """There is a broken cache for each check, and none for a check that is not there."""
    assert set(BROKEN) == {check.__name__ for check in CHECKS}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_the_check_bites(check: Check) -> None:
    """A cache that breaks the promise does not pass its check."""
    for broken in BROKEN[check.__name__]:
        with pytest.raises(AssertionError):
            await check(background(), broken())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_the_check_is_fair(check: Check) -> None:
    """The plainest cache, which breaks nothing, passes every check."""
    await check(background(), ReferenceCache())
