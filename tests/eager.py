"""Tasks that run at once until they first wait, of which Python 3.12 and newer have a factory."""

import asyncio
import sys

# How a loop makes its tasks, for tests of what must not depend on it; None is the loop's own way.
FACTORIES: dict[str, object] = {"lazy": None}
if sys.version_info >= (3, 12):
    FACTORIES["eager"] = asyncio.eager_task_factory


def make_eager(loop: asyncio.AbstractEventLoop) -> None:
    """Have every task of *loop* run at once when it is made, until it first waits."""
    if sys.version_info < (3, 12):
        raise SystemExit("eager tasks need Python 3.12 or newer")
    loop.set_task_factory(asyncio.eager_task_factory)
