"""An event loop whose clock the test advances."""

import asyncio
import functools
from collections.abc import Awaitable, Callable


class ManualLoop(asyncio.SelectorEventLoop):
    """Time stands still until `advance`."""

    def __init__(self) -> None:
        super().__init__()
        self._manual_time = 1000.0

    def time(self) -> float:
        """The time of the clock."""
        return self._manual_time

    async def advance(self, seconds: float) -> None:
        """Advance the clock, and let the loop run what is due by then."""
        self._manual_time += seconds
        await turns()

    async def leap(self) -> float:
        """Advance the clock to the next timer, and return by how much."""
        seconds: float = min(handle.when() for handle in self._live()) - self.time()
        await self.advance(seconds)
        return seconds

    def live_handles(self) -> int:
        """How many timers are set and not cancelled."""
        return len(self._live())

    def _live(self) -> list[asyncio.TimerHandle]:
        return [handle for handle in self._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]  # not public


def by_hand(test: Callable[[ManualLoop], Awaitable[None]]) -> Callable[[], None]:
    """Run an async test on a `ManualLoop`, which it gets as its argument."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ManualLoop)
        await test(loop)

    def run() -> None:
        with asyncio.Runner(loop_factory=ManualLoop) as runner:
            runner.run(main())

    functools.update_wrapper(
        run, test, assigned=("__module__", "__name__", "__qualname__", "__doc__"), updated=()
    )
    del run.__wrapped__  # type: ignore[attr-defined]  # pytest would look for its argument there
    return run


async def turns(count: int = 5) -> None:
    """Let the loop turn a few times."""
    for _ in range(count):
        await asyncio.sleep(0)
