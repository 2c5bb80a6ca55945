"""Tasks that run when they are made until they first wait; Python 3.12 and newer have a factory for them."""

import asyncio
import sys
from collections.abc import Coroutine
from contextvars import Context

import uvloop

# Task factories, for tests of what must not depend on them; None is the default.
FACTORIES: dict[str, object] = {"lazy": None}


if sys.version_info >= (3, 12):
    FACTORIES["eager"] = asyncio.eager_task_factory

    def make_eager(loop: asyncio.AbstractEventLoop) -> None:
        """Have every task of *loop* run at once when it is made, until it first waits."""
        # Asyncio's own where that will do: anyio knows it, and makes the tasks of its groups lazy.
        loop.set_task_factory(_for_uvloop if isinstance(loop, uvloop.Loop) else asyncio.eager_task_factory)

    def _for_uvloop(
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[object, object, object],
        *,
        name: str | None = None,
        context: Context | None = None,
        **_: object,  # `eager_start`, which uvloop 0.23 gives, and Python 3.13.0 does not take
    ) -> "asyncio.Task[object]":
        return asyncio.eager_task_factory(loop, coroutine, name=name, context=context)

else:

    def make_eager(loop: asyncio.AbstractEventLoop) -> None:
        """Refuse: there are none yet."""
        raise SystemExit("eager tasks need Python 3.12 or newer")
