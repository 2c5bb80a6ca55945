"""Layers to test with, and the one way in which a check fails."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable

from layercache.cache import LayerInfoCache
from layercache.context import Context
from layercache.meta import LayerMeta
from layercache.names import Digest, Repository

Check = Callable[[Context, LayerInfoCache], Awaitable[None]]


def new_digest() -> Digest:
    """A digest that no other check uses."""
    return Digest("sha256:" + hashlib.sha256(secrets.token_bytes()).hexdigest())


def new_repository() -> Repository:
    """A repository that no other check uses, so that checks may share a store."""
    return Repository(f"check/{secrets.token_hex(8)}")


def new_meta(dgst: str) -> LayerMeta:
    """A meta that belongs to *dgst* and to no other digest."""
    length = int.from_bytes(hashlib.sha256(dgst.encode()).digest()[:4], "big")
    return LayerMeta(f"/layers/{dgst}", length, "application/vnd.oci.image.layer.v1.tar+gzip")


def expect(holds: bool, promise: str) -> None:
    """Fail the check unless *promise* holds; an `assert` would be silent under `python -O`."""
    if not holds:
        raise AssertionError(promise)


async def expect_error(kind: type[BaseException], call: Awaitable[object], promise: str) -> BaseException:
    """Fail the check unless *call* raises *kind*; the error is returned."""
    try:
        await call
    except kind as error:
        return error
    except Exception as other:
        raise AssertionError(f"{promise}, but {other!r} was raised") from other
    raise AssertionError(promise)


async def expect_done(call: Awaitable[object], promise: str) -> None:
    """Fail the check if *call* raises."""
    try:
        await call
    except Exception as error:
        raise AssertionError(f"{promise}, but {error!r} was raised") from error


async def expect_known(ctx: Context, cache: LayerInfoCache, repo: str, dgst: str, promise: str) -> None:
    """Fail the check unless both halves are known, by every way of asking."""
    known = [
        await cache.contains(ctx, repo, dgst),
        (await cache.contains_many(ctx, repo, [dgst]))[0],
        (await cache.stat_many(ctx, repo, [dgst]))[0] is not None,
    ]
    expect(all(known), promise)


async def expect_no_membership(
    ctx: Context, cache: LayerInfoCache, repo: str, dgst: str, promise: str
) -> None:
    """Fail the check if any way of asking says that *repo* has *dgst*."""
    known = [
        await cache.contains(ctx, repo, dgst),
        (await cache.contains_many(ctx, repo, [dgst]))[0],
        (await cache.stat_many(ctx, repo, [dgst]))[0] is not None,
    ]
    expect(not any(known), promise)


async def stat_or_none(ctx: Context, cache: LayerInfoCache, repo: str, dgst: str) -> LayerMeta | None:
    """What `stat` returns; None for a miss."""
    try:
        return await cache.stat(ctx, repo, dgst)
    except LookupError:
        return None


async def is_meta_known(ctx: Context, cache: LayerInfoCache, dgst: str) -> bool:
    """Whether the meta of *dgst* is known."""
    try:
        await cache.meta(ctx, dgst)
    except LookupError:
        return False
    return True
