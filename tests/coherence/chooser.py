"""What is done next, and how it is bound: by chance."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from layercache.context import Context
from layercache.errors import LayerCacheError
from tests.coherence.deletions import LostReplyError
from tests.coherence.operations import AbsentError

Act = Callable[[Context], Awaitable[None]]


class Chooser:
    """Picks what is done next, and how it is bound; then does it."""

    def __init__(self, acts: list[tuple[int, Act]], chance: Random, *, is_bound: bool) -> None:
        """Pick among *acts* by their weights; cut some short if *is_bound*."""
        self._acts = [act for _, act in acts]
        self._weights = [weight for weight, _ in acts]
        self._chance = chance
        self._is_bound = is_bound

    async def go_on(self, ctx: Context, is_over: Callable[[], bool]) -> None:
        """Do one after the other until it *is_over*."""
        while not is_over():
            [act] = self._chance.choices(self._acts, self._weights)
            try:
                await self._bound(ctx, act)
            except (LayerCacheError, AbsentError, LostReplyError):
                await asyncio.sleep(0.002)  # what fails at once is not to be all that is done

    async def _bound(self, ctx: Context, act: Act) -> None:
        luck = self._chance.random() if self._is_bound else 1.0
        moment = self._chance.random() * 0.02
        loop = asyncio.get_running_loop()
        with ctx.with_timeout(moment if luck < 0.05 else 3.0) as bound:
            if 0.05 <= luck < 0.08:
                loop.call_later(moment, bound.cancel)
            if luck < 0.08 or luck >= 0.10:
                await act(bound)
                return
            task = asyncio.ensure_future(act(bound))
            loop.call_later(moment, task.cancel)
            await asyncio.wait([task])
            if not task.cancelled():
                task.result()
