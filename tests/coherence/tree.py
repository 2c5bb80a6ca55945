"""The storage of the run: a distribution's tree on disk, small, which many processes change at once.

Every change is one call of the system, so whoever looks sees it done or not
done, and so does whoever is killed in it; and each says when it was done.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

from layercache.context import Context
from layercache.meta import LayerMeta
from layercache.storage import StorageSource
from layercache.storage.layout import data_path, layer_link_path
from tests.coherence.history import EVERYWHERE, Span, now
from tests.coherence.settings import MOST_WORKERS
from tests.storage.trees import digest_of

REPOS = [f"team/app-{number}" for number in range(6)]
CONTENTS = [b"layer %d " % number * (number + 1) for number in range(16)]
DGSTS = [digest_of(content) for content in CONTENTS]
REGISTER_REPO = "registers"
NOBODYS = digest_of(b"what nobody has")
REGISTERS = [digest_of(b"register %d" % number) for number in range(MOST_WORKERS)]
METAS = [LayerMeta(data_path(dgst), len(content)) for dgst, content in zip(DGSTS, CONTENTS, strict=True)]


class Tree:
    """The tree below a folder, for one process; repositories and digests go by their numbers."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._scratch = root / f"scratch-{os.getpid()}"

    def make(self) -> None:
        """Make the folders of all that may be pushed; the rest is files."""
        for path in (self._blob(dgst) for dgst in range(len(DGSTS))):
            path.parent.mkdir(parents=True)
        for repo in range(len(REPOS)):
            for dgst in range(len(DGSTS)):
                self._link(repo, dgst).parent.mkdir(parents=True)

    def source(self) -> StorageSource:
        """What reads it."""
        return StorageSource(self._root.as_uri())

    def has_blob(self, dgst: int) -> bool:
        """Whether the blob is there."""
        return self._blob(dgst).exists()

    def has_link(self, repo: int, dgst: int) -> bool:
        """Whether the link is there."""
        return self._link(repo, dgst).exists()

    def has(self, repo: int, dgst: int) -> bool:
        """Whether the repository has the layer."""
        return self.has_link(repo, dgst) and self.has_blob(dgst)

    def absent(self, repo: int, dgst: int) -> list[tuple[int, int]]:
        """Which of the two files of a layer are not there, as `rest.py` names them."""
        files = (((repo, dgst), self.has_link(repo, dgst)), ((EVERYWHERE, dgst), self.has_blob(dgst)))
        return [file for file, is_there in files if not is_there]

    def write_blob(self, dgst: int) -> Span:
        """Have the blob."""
        return self._write(self._blob(dgst), CONTENTS[dgst])

    def write_link(self, repo: int, dgst: int) -> Span:
        """Have the link."""
        return self._write(self._link(repo, dgst), DGSTS[dgst].encode())

    def delete_blob(self, dgst: int) -> Span:
        """Have no blob."""
        return _delete(self._blob(dgst))

    def delete_link(self, repo: int, dgst: int) -> Span:
        """Have no link."""
        return _delete(self._link(repo, dgst))

    def _blob(self, dgst: int) -> Path:
        return self._root / data_path(DGSTS[dgst])[1:]

    def _link(self, repo: int, dgst: int) -> Path:
        return self._root / layer_link_path(REPOS[repo], DGSTS[dgst])[1:]

    def _write(self, path: Path, content: bytes) -> Span:
        self._scratch.write_bytes(content)
        since = now()
        self._scratch.replace(path)
        return Span(since, now())


def _delete(path: Path) -> Span:
    since = now()
    path.unlink(missing_ok=True)
    return Span(since, now())


class Pauses:
    """How long the storage takes for a step: mostly no time, sometimes long, by chance."""

    def __init__(self, chance: Random, slowness: float) -> None:
        """Take up to *slowness* seconds in one of twenty cases, much less in the others."""
        self._chance = chance
        self._slowness = slowness

    async def __call__(self) -> None:
        """Take some time: a slow storage is what is played, and the races are in how long it takes."""
        luck = self._chance.random()
        if luck < 0.05:
            await asyncio.sleep(self._chance.random() * self._slowness)
        elif luck < 0.4:
            await asyncio.sleep(self._chance.random() * self._slowness / 50)


class SlowStorage:
    """A source whose questions take long to get there, and whose answers take long to come back."""

    def __init__(self, source: StorageSource, pause: Callable[[], Awaitable[None]]) -> None:
        self._source = source
        self._pause = pause

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        """As the source's."""
        await self._pause()
        answer = await self._source.contains(ctx, repo, dgst)
        await self._pause()
        return answer

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        """As the source's."""
        await self._pause()
        meta = await self._source.meta(ctx, dgst)
        await self._pause()
        return meta
