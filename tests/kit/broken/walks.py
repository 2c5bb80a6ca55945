"""Backends that break the checks of `layercache.testing.walks`, one each."""

from collections.abc import AsyncIterator, Sequence

from layercache.backend import Batch
from layercache.context import Context
from tests.kit.broken.registry import breaks
from tests.reference import ReferenceBackend


@breaks("scans_what_is_known")
class ScansOnlyWholeLayers(ReferenceBackend):
    async def scan(self, ctx: Context) -> AsyncIterator[Batch]:
        async for batch in super().scan(ctx):
            yield batch._replace(members=[pair for pair in batch.members if pair[1] in self.metas])


@breaks("lists_a_repository")
class ListsEveryRepository(ReferenceBackend):
    async def list_repository(self, ctx: Context, repo: str) -> AsyncIterator[Sequence[str]]:
        yield [dgst for _, dgst in self.members]
