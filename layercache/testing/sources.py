"""A source of one's own: it knows what it is told, answers when it is let, and counts."""

import asyncio

from layercache.context import Context
from layercache.errors import NotFoundError
from layercache.meta import LayerMeta
from layercache.source import LayerInfoSource


class SlowSource(LayerInfoSource):
    """A `LayerInfoSource` over dictionaries, which can be held.

    While it is held, a question is settled at once, by what is true then, and
    answered only on `release`: the storage whose answer is old when it comes.

    Attributes:
        questions: How many calls have been made.
        error: What every call raises, if not None, instead of answering.
    """

    def __init__(self) -> None:
        self.questions: int = 0
        self.error: Exception | None = None
        self._members: set[tuple[str, str]] = set()
        self._metas: dict[str, LayerMeta] = {}
        self._is_held = False
        self._held: list[asyncio.Future[None]] = []
        self._asked = asyncio.Event()

    def put(self, repo: str, dgst: str, meta: LayerMeta) -> None:
        """From now on, *repo* has *dgst*."""
        self._members.add((repo, dgst))
        self._metas[dgst] = meta

    def unlink(self, repo: str, dgst: str) -> None:
        """From now on, *repo* no longer has *dgst*."""
        self._members.discard((repo, dgst))

    def delete(self, dgst: str) -> None:
        """From now on, nobody has *dgst*; links to it remain, as after the Go registry's sweep."""
        self._metas.pop(dgst, None)

    def hold(self) -> None:
        """Keep the answers back until `release`."""
        self._is_held = True

    def answer(self) -> None:
        """Give the answers that are kept back now, and keep holding those to come."""
        for answer in self._held:
            if not answer.done():
                answer.set_result(None)
        self._held.clear()
        self._asked.clear()

    def release(self) -> None:
        """Give every answer, from now on at once."""
        self._is_held = False
        self.answer()

    async def asked(self) -> None:
        """Return once a question is kept waiting."""
        await self._asked.wait()

    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
        """The meta of a blob that is there, if the link is."""
        meta = self._metas.get(dgst)
        is_member = (repo, dgst) in self._members
        await self._pause(ctx)
        if meta is None or not is_member:
            raise NotFoundError(dgst)
        return meta

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        """Whether both the link and the blob are there."""
        answer = (repo, dgst) in self._members and dgst in self._metas
        await self._pause(ctx)
        return answer

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        """The meta of a blob that is there."""
        answer = self._metas.get(dgst)
        await self._pause(ctx)
        if answer is None:
            raise NotFoundError(dgst)
        return answer

    async def _pause(self, ctx: Context) -> None:
        self.questions += 1
        if self._is_held:
            answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._held.append(answer)
            self._asked.set()
            ctx.bind(answer)
            await answer
        if self.error is not None:
            raise self.error
