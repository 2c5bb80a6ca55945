"""The library under fire: no answer is wrong; and what is made wrong on purpose is caught.

A longer run: `nox -s coherence -- --minutes 10 --seed 1`.
"""

from pathlib import Path

import pytest

from tests.coherence.conductor import conduct
from tests.coherence.history import Kind, Outcome
from tests.coherence.report import SECOND, Report
from tests.coherence.rest import FAULTS_THAT_END_MARKERS
from tests.coherence.settings import FAULTS, Settings
from tests.coherence.variants import MAX_STALENESS, VARIANTS

SHORT = 10.0  # seconds
CATCHING_SECONDS = 60.0
CATCHING_FAULTS = ("slow", "late", "contexts", "delay")


def as_oci_error(report: Report) -> str:
    """The whole report, for whoever reads of a failure."""
    return "\n".join(report.lines())


@pytest.mark.parametrize("variant", ["ours", "near"])
async def test_nothing_is_wrong_at_rest(tmp_path: Path, variant: str) -> None:
    """When all has ended, killed and cancelled removals have left no false yes, and markers no miss."""
    faults = tuple(sorted(set(FAULTS) - FAULTS_THAT_END_MARKERS))
    report = await conduct(Settings(SHORT, seed=1, variant=variant, faults=faults), tmp_path)
    assert report.is_clean, as_oci_error(report)
    assert report.outcomes[Kind.UNLINK, Outcome.FAILED] > 10
    assert report.claims_at_rest > 0
    assert report.kept_at_rest > report.claims_at_rest / 2


@pytest.mark.parametrize("persistence", ["none", "always"])
async def test_nothing_is_wrong(tmp_path: Path, persistence: str) -> None:
    """Every answer is explained, with all faults, whether a killed Redis comes back empty or whole."""
    report = await conduct(Settings(SHORT, seed=1, persistence=persistence), tmp_path)
    assert report.is_clean, as_oci_error(report)
    assert report.judged > 1_000
    assert report.faults
    assert report.tallies["hits"] > 0
    assert report.tallies["fills"] > 0


async def test_nothing_near_is_older_than_it_may_be(tmp_path: Path) -> None:
    """With a near memory in each process every answer is explained, those of a silent network included."""
    report = await conduct(Settings(SHORT, seed=1, variant="near"), tmp_path)
    assert report.is_clean, as_oci_error(report)
    assert report.looks > 1_000
    assert report.near > report.looks / 2
    assert max(report.ages, default=0) <= MAX_STALENESS * SECOND


@pytest.mark.parametrize("variant", sorted(set(VARIANTS) - {"ours", "near"}))
async def test_a_broken_variant_is_caught(tmp_path: Path, variant: str) -> None:
    """Each design that is known to be wrong is soon found to be, by what is wrong with it."""
    settings = Settings(CATCHING_SECONDS, 1, variant=variant, faults=CATCHING_FAULTS, until_caught=True)
    report = await conduct(settings, tmp_path)
    assert report.caught is not None, as_oci_error(report)
    assert report.violated[VARIANTS[variant].fault] > 0
