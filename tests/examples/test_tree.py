"""The tree to which the example registry writes."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from registry.expiry import expire
from registry.tree import Tree, Upload

from layercache import Context, ContextError, background, parse_repository

REPO = parse_repository("x")

CALLS: dict[str, Callable[[Tree, Context], Awaitable[object]]] = {
    "make": lambda tree, ctx: tree.make(ctx),
    "require": lambda tree, ctx: tree.require(ctx),
    "write": lambda tree, ctx: tree.write(ctx, "new", b""),
    "move": lambda tree, ctx: tree.move(ctx, "kept", "moved"),
    "delete": lambda tree, ctx: tree.delete(ctx, "kept", "absent"),
    "files": lambda tree, ctx: tree.files(ctx, ""),
    "has_repository": lambda tree, ctx: tree.has_repository(ctx, REPO),
    "begin": lambda tree, ctx: tree.begin(ctx, REPO),
    "find": lambda tree, ctx: tree.find(ctx, REPO, "0" * 8 + "-0000-0000-0000-" + "0" * 12),
    "discard": lambda tree, ctx: tree.discard(ctx, Upload(REPO, "x", "folder")),
    "expire": lambda tree, ctx: expire(ctx, tree, datetime.now(UTC)),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("is_cancelled", [False, True], ids=["late", "cancelled"])
async def test_context_that_has_ended(tmp_path: Path, name: str, is_cancelled: bool) -> None:
    """Under a context that has ended nothing is asked of the storage, and nothing is changed in it."""
    complaints = list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))
    for file in ("kept", "folder/startedat"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(b"")
    before = sorted(tmp_path.rglob("*"))
    with background().with_timeout(0) if not is_cancelled else background().with_cancel() as ctx:
        ctx.cancel()
        with pytest.raises(ContextError):
            await CALLS[name](Tree(tmp_path.as_uri()), ctx)
    await Tree(tmp_path.as_uri()).files(
        background(), ""
    )  # The driver has done by now what it was asked before.
    gc.collect()
    assert sorted(tmp_path.rglob("*")) == before
    assert complaints == []
