"""ReadThroughCache: the front of a source behind a cache."""

from layercache.cache import LayerInfoCache
from layercache.context import Context
from layercache.meta import LayerMeta
from layercache.observer import Observer
from layercache.readthrough.backend import ReadThroughBackend
from layercache.source import LayerInfoSource
from layercache.validation import require_key, require_seconds


class ReadThroughCache(LayerInfoCache):
    """Answers from *cache*, and from *source* what the cache does not know.

    It is a `LayerInfoCache` with two differences. Its reads answer for the
    source: `contains` is `stat` without the meta, for a digest that was
    forgotten is claimed by no repository, though its membership lies in many
    sets; and `NotFoundError` means that the source does not have it. And its
    reads raise `BackendError` only if the source failed too, or said what no
    cache could keep.
    """

    def __init__(
        self,
        cache: LayerInfoCache,
        source: LayerInfoSource,
        *,
        observer: Observer | None = None,
        source_seconds: float = 30.0,
    ) -> None:
        """Put *cache* before *source*.

        Args:
            cache: Closed with this one.
            source: A registry's storage, another registry, or another cache.
            observer: Is told of hits, misses, fills and failures.
            source_seconds: More than 0: how long the source may take to
                answer one question.

        Raises:
            InvalidArgumentError: *source_seconds* is no number above 0.
        """
        require_seconds("source_seconds", source_seconds)
        self._reading = ReadThroughBackend(cache.backend, source, observer, source_seconds)
        super().__init__(self._reading)

    async def confirm(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
        """Return what the source says now, even if the cache knows an answer.

        For "may this upload be skipped?", where a stale answer would lose data.
        It shares no other caller's question, and heals the cache in passing: a
        yes by a fill, a no and what makes no sense by a removal.

        Raises:
            NotFoundError: The source does not have it.
            ContextError: *ctx* ended before the source answered.
            CorruptEntryError: What the source has of it, or says, makes no sense.
            BackendError: The source failed, be it by a CancelledError of its own.
        """
        require_key(repo, dgst)
        if ctx.has_ended():
            await ctx.fail()
        return await self._reading.confirm(ctx, repo, dgst)

    async def report_missing(self, ctx: Context, repo: str, dgst: str) -> None:
        """Have the cache drop *dgst*: its meta named a path, and nothing was there.

        The next read asks the source again. A failure of the cache is told to
        the observer only: who reports this has an error of their own to tell.
        """
        require_key(repo, dgst)
        if ctx.has_ended():
            await ctx.fail()
        await self._reading.report_missing(ctx, repo, dgst)
