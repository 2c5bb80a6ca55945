"""What a source or a cache may do wrong when it is asked, made an error of this library.

A source is written by others. What it returns goes into a cache that is shared,
so it is held to what an argument is held to. And a library that it uses may give
up by raising CancelledError, or by the end of a context of its own; passed on,
these would tell the caller of a cancellation that nobody asked for.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from layercache.cache import LayerInfoSource
from layercache.checks import require_meta
from layercache.context import Context
from layercache.errors import (
    BackendError,
    BackendUnavailableError,
    ContextError,
    CorruptEntryError,
    InvalidArgumentError,
    LayerCacheError,
    shortened,
)
from layercache.meta import LayerMeta

P = ParamSpec("P")
T = TypeVar("T")


async def ask_meta(source: LayerInfoSource, ctx: Context, dgst: str) -> LayerMeta:
    """Return what *source* says of *dgst*, if it can be remembered.

    Raises:
        CorruptEntryError: It said what is no meta; the message names the source.
        BackendError: It failed, be it by a CancelledError of its own.
    """
    meta = await _answer(ctx, source.meta, ctx, dgst)
    try:
        require_meta(meta)
    except InvalidArgumentError as error:
        raise CorruptEntryError(f"what {source!r} said of {dgst}: {error}") from error
    return meta


async def ask_membership(source: LayerInfoSource, ctx: Context, repo: str, dgst: str) -> bool:
    """Return whether *source* says that *repo* has *dgst*; errors are those of `ask_meta`."""
    is_member = await _answer(ctx, source.contains, ctx, repo, dgst)
    if type(is_member) is not bool:
        said = shortened(is_member)
        raise CorruptEntryError(f"what {source!r} said of {dgst} in {repo}: a bool is wanted, not {said}")
    return is_member


def to_backend_error(error: BackendError | asyncio.CancelledError, who: str) -> BackendError:
    """Return what *error*, which *who* raised, is to a caller whom nobody has cancelled.

    Raises:
        CancelledError: Somebody has cancelled the task that runs: it is *error* itself.
    """
    if isinstance(error, BackendError):
        return error
    task = asyncio.current_task()
    if task is None or task.cancelling():
        raise error
    fault = BackendUnavailableError(f"{who} raised CancelledError, and nobody had cancelled the call")
    fault.__cause__ = error
    return fault


async def _answer(ctx: Context, ask: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return await ask(*args, **kwargs)
    except ContextError as error:
        ctx.check()
        raise BackendUnavailableError("the source gave up before its time was over") from error
    except LayerCacheError:
        raise
    except asyncio.CancelledError as error:
        raise to_backend_error(error, "the source") from error
    except Exception as error:
        raise BackendError(f"the source failed: {shortened(error)}") from error
