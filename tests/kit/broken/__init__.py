"""For every check of the kit, a backend or a front that breaks its promise."""

from tests.kit.broken import brackets, contexts, holds, leases, walks, words
from tests.kit.broken.registry import BROKEN

__all__ = ["BROKEN", "brackets", "contexts", "holds", "leases", "walks", "words"]
