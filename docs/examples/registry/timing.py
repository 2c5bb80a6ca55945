"""Who answered, and how fast: for one request in the header Server-Timing, for all on the status page."""

import html
import time
from collections import Counter
from collections.abc import Awaitable
from contextvars import ContextVar
from typing import TypeVar

from layercache import Event, LayerInfoCache, MemoryCache, Observer, Outcome, RedisCache, Tier

T = TypeVar("T")

answered_by: ContextVar[str] = ContextVar("answered_by")


class WhoAnswers(Observer):
    """Notes, in the task that asks, whether the cache knew the answer; and counts."""

    def __init__(self) -> None:
        self.counts = Counter[str](hits=0, misses=0, questions=0, fills=0, failures=0)
        self.last_failure = "none"

    def observe(self, event: Event) -> None:
        """Count *event*; a hit in the cache is noted for the task that asks."""
        if event.tier is Tier.SOURCE:
            self.counts["questions"] += 1
        elif event.outcome is Outcome.ERROR:
            self.counts["failures"] += 1
            self.last_failure = f"{event.operation}: {event.error}"
        elif event.outcome is Outcome.HIT:
            answered_by.set("cache")
            self.counts["hits"] += event.layers
        elif event.outcome is Outcome.MISS:
            self.counts["misses"] += event.layers
        elif event.operation == "fill" and event.outcome is Outcome.DONE:
            self.counts["fills"] += 1


async def timed(question: Awaitable[T]) -> tuple[T, str]:
    """The answer, and the header's value: `cache;dur=0.021`, or `source;dur=34.567`; milliseconds."""
    answered_by.set("source")
    begin = time.perf_counter()
    answer = await question
    return answer, f"{answered_by.get()};dur={(time.perf_counter() - begin) * 1000:.3f}"


def places(cache: LayerInfoCache, answers: int) -> dict[str, object]:
    """Where the *answers* of *cache* came from, this process or beyond, and what it heard last."""
    state = cache.near_state if isinstance(cache, RedisCache) else None
    if state is not None:
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
