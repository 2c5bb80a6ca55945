"""A tree and a cache, and what may come between them."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from layercache import LayerInfoCache
from layercache.context import Context, background
from layercache.errors import NotFoundError
from layercache.meta import LayerMeta, blob_path
from layercache.names import Digest
from layercache.reconcile import Difference, Reconciler, Report
from layercache.source import LayerInfoSource, ListableSource
from layercache.storage.layout import data_path, layer_link_path
from tests.storage.trees import Tree

CTX = background()


class World:
    """A registry's tree on disk, and a cache that agrees with it until a test has changed one."""

    def __init__(self, tree: Tree, cache: LayerInfoCache) -> None:
        self.tree = tree
        self.cache = cache
        self.source = tree.source()

    async def layer(self, repo: str, content: bytes) -> Digest:
        """Have a layer that the tree has and the cache knows."""
        dgst = self.tree.layer(repo, content)
        await self.cache.put(CTX, repo, dgst, meta_of(dgst, content))
        return dgst

    async def stale(self, repo: str, content: bytes) -> Digest:
        """Have a layer that the cache knows, and that was deleted behind its back."""
        dgst = await self.layer(repo, content)
        self.tree.delete(layer_link_path(repo, dgst))
        self.tree.delete(data_path(dgst))
        return dgst

    async def knows(self, repo: str, dgst: str) -> tuple[bool, bool]:
        """Whether the cache knows the membership, and the meta."""
        return await self.cache.contains(CTX, repo, dgst), await knows_meta(self.cache, dgst)

    async def walk(
        self, *, fix: bool = False, cursor: str = "", source: LayerInfoSource | None = None
    ) -> tuple[list[Difference], Report]:
        """Walk once; what was told, and the report."""
        told: list[Difference] = []
        reconciler = Reconciler(self.cache, source or self.source, on_difference=told.append)
        return told, await reconciler.run(CTX, fix, cursor)


def meta_of(dgst: str, content: bytes) -> LayerMeta:
    """What a cache should know of a blob."""
    return LayerMeta(blob_path(dgst), len(content))


async def knows_meta(cache: LayerInfoCache, dgst: str) -> bool:
    """Whether *cache* has a meta."""
    try:
        await cache.meta(CTX, dgst)
    except NotFoundError:
        return False
    return True


class Hooked(ListableSource):
    """A source that can be listed, and in which something happens at chosen moments.

    A moment is `before contains 1`, `after contains 1`, and so on with `meta`,
    `listing`, `links` and `blobs`; they are counted from 1, each by itself.
    """

    def __init__(self, source: ListableSource, happens: dict[str, Callable[[], Awaitable[object]]]) -> None:
        self._source = source
        self._happens = happens
        self._counts: Counter[str] = Counter()
        self.moments: list[str] = []

    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
        return await self._source.stat(ctx, repo, dgst)

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        async with self._moments("contains"):
            return await self._source.contains(ctx, repo, dgst)

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        async with self._moments("meta"):
            return await self._source.meta(ctx, dgst)

    async def listing(self, ctx: Context) -> "Hooked":
        async with self._moments("listing"):
            self._listing = await self._source.listing(ctx)
            return self

    async def links(self, ctx: Context) -> AsyncIterator[Sequence[tuple[str, str]]]:
        async with self._moments("links"):
            async for links in self._listing.links(ctx):
                yield links

    async def blobs(self, ctx: Context, part: str) -> AsyncIterator[Sequence[tuple[str, int]]]:
        async with self._moments("blobs"):
            async for blobs in self._listing.blobs(ctx, part):
                yield blobs

    @asynccontextmanager
    async def _moments(self, question: str) -> AsyncIterator[None]:
        self._counts[question] += 1
        number = self._counts[question]
        await self._come(f"before {question} {number}")
        try:
            yield
        finally:
            await self._come(f"after {question} {number}")

    async def _come(self, moment: str) -> None:
        self.moments.append(moment)
        if moment in self._happens:
            await self._happens[moment]()


def failing(error: Exception) -> Callable[[], Awaitable[object]]:
    """What happens at a moment at which a source fails."""

    async def fail() -> None:
        raise error

    return fail
