"""Who answered, and how fast: for one request in the header Server-Timing, for all on the status page."""

import html
import time
from collections import Counter
from collections.abc import Awaitable
from contextvars import ContextVar
from typing import TypeVar

from layercache import LayerInfoCache, MemoryCache, Observer, TieredCache

T = TypeVar("T")

answered_by: ContextVar[str] = ContextVar("answered_by")


class WhoAnswers(Observer):
    """Notes, in the task that asks, whether the cache knew the answer; and counts."""

    def __init__(self) -> None:
        self.counts = Counter[str](hits=0, misses=0, questions=0, fills=0, failures=0)
        self.last_failure = "none"

    def hit(self, operation: str) -> None:
        """The cache knew."""
        answered_by.set("cache")
        self.counts["hits"] += 1

    def miss(self, operation: str) -> None:
        """The cache did not know."""
        self.counts["misses"] += 1

    def asked(self, operation: str, seconds: float) -> None:
        """The storage was asked."""
        self.counts["questions"] += 1

    def filled(self, stored: bool) -> None:
        """The cache was told."""
        self.counts["fills"] += stored

    def failed(self, operation: str, error: Exception) -> None:
        """The cache could not be asked."""
        self.counts["failures"] += 1
        self.last_failure = f"{operation}: {error}"


async def timed(question: Awaitable[T]) -> tuple[T, str]:
    """The answer, and the header's value: `cache;dur=0.021`, or `source;dur=34.567`; milliseconds."""
    answered_by.set("source")
    begin = time.perf_counter()
    answer = await question
    return answer, f"{answered_by.get()};dur={(time.perf_counter() - begin) * 1000:.3f}"


def places(cache: LayerInfoCache, answers: int) -> dict[str, object]:
    """Where the *answers* of *cache* came from, this process or beyond, and what it heard last."""
    if isinstance(cache, TieredCache):
        state = cache.state
        far, heard = state.far, f"{state.last_change}, {state.last_change_age:.1f} s ago"
        last_invalidation = heard if state.changes else "none"
    else:
        far = 0 if isinstance(cache, MemoryCache) else answers
        last_invalidation = "none: nothing is kept near that others can change"
    # One that went far again, for a flight that came too late, has no answer of its own.
    return {"near": max(answers - far, 0), "far": far, "last invalidation": last_invalidation}


def status_page(observer: WhoAnswers, cache: LayerInfoCache) -> str:
    """What a person wants to see; *cache* tells by its `repr` how its link is."""
    counts = observer.counts
    rows = {
        **counts,
        "last failure": observer.last_failure,
        **places(cache, counts["hits"] + counts["misses"]),
        "cache": repr(cache),
    }
    cells = "".join(
        f"<tr><th>{name}</th><td id='{name.replace(' ', '-')}'>{html.escape(str(value))}</td></tr>\n"
        for name, value in rows.items()
    )
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>layercache registry</title>"
        "<style>body{font:16px sans-serif;margin:2em}th{text-align:left;padding-right:2em}</style>"
        f"<h1>layercache registry</h1>\n<table>\n{cells}</table></html>"
    )
