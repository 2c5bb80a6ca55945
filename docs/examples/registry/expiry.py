"""Uploads that nobody finishes end after a week, as in the Go registry; so does what a killed process left.

The registry looks when it starts and once a day. For that it lists all of
`repositories/`: an upload may lie anywhere in it.
"""

import asyncio
import logging
import os
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from layercache import Context, LayerCacheError, background
from registry.tree import ROOT, Tree

log = logging.getLogger(__name__)

UPLOAD_AGE = timedelta(days=7)
PAUSE_SECONDS = 24 * 60 * 60.0


async def expire_daily(tree: Tree) -> None:
    """Discard old uploads, now and every day, until cancelled."""
    while True:
        try:
            await expire(background(), tree, datetime.now(UTC) - UPLOAD_AGE)
        except LayerCacheError as error:
            log.warning("old uploads were not discarded: %s", error)
        await asyncio.sleep(PAUSE_SECONDS)


async def expire(ctx: Context, tree: Tree, before: datetime) -> None:
    """Discard the uploads to which nothing was written since *before*, and what is left of others."""
    for folder, changed in (await tree.changes(ctx)).items():
        if changed < before:
            await tree.discard_folder(ctx, folder)
    if tree.directory is not None:
        await ctx.run(asyncio.to_thread(delete_staged, tree.directory / ROOT, before))


def delete_staged(root: Path, before: datetime) -> None:
    """Delete what no process has written to its end since *before*.

    On disk the driver writes each file beside its place, `data#1`, and then
    moves it there. It does not list such files. No other name in a tree has a `#`.
    """
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            with suppress(OSError):
                if re.search(r"#\d+$", name) and path.stat().st_mtime < before.timestamp():
                    path.unlink()
                    path.parent.rmdir()  # Unless there is something else in it.
