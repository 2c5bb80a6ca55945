"""The models keep and break what they are said to; the wide ones are for the command line."""

import pytest

from tests.coherence.model.far.rows import FAR
from tests.coherence.model.near.rows import NEAR
from tests.coherence.model.variants import WIDER, Variant


@pytest.mark.parametrize("variant", [row for row in (*FAR, *NEAR) if row.kind != WIDER], ids=str)
def test_variant(variant: Variant) -> None:
    """Our design keeps its promises under what it bears, and every other breaks the one it is said to."""
    assert set(variant.explore().findings) == variant.expected
