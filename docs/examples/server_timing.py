"""Who answered a request's question, and how fast: what the header Server-Timing says of it."""

import time
from collections.abc import Awaitable
from contextvars import ContextVar
from typing import TypeVar

from layercache import Observer

T = TypeVar("T")

answered_by: ContextVar[str] = ContextVar("answered_by")


class WhoAnswers(Observer):
    """Notes, in the task that asks, whether the cache knew the answer."""

    def hit(self, operation: str) -> None:
        """The cache knew."""
        answered_by.set("cache")


async def timed(question: Awaitable[T]) -> tuple[T, str]:
    """The answer, and the header's value: `cache;dur=0.021`, or `source;dur=34.567`; milliseconds."""
    answered_by.set("source")
    begin = time.perf_counter()
    answer = await question
    return answer, f"{answered_by.get()};dur={(time.perf_counter() - begin) * 1000:.3f}"
