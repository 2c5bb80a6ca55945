"""Caches that break the checks of `layercache.testing.words`, one each."""

# Public methods are final; only a broken cache overrides them.
# mypy: disable-error-code="misc"

from collections.abc import Sequence

from layercache.cache import LayerInfoCache
from layercache.context import Context
from layercache.errors import BackendError, InvalidArgumentError
from layercache.meta import LayerMeta
from layercache.testing import new_meta
from tests.kit.broken.registry import breaks, breaks_as_a_front
from tests.reference import ReferenceBackend


@breaks_as_a_front("refuses_malformed_digests")
class TakesAnyDigest(LayerInfoCache):
    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        return await self.backend.meta(ctx, dgst) or new_meta(dgst)


@breaks_as_a_front("refuses_malformed_repositories")
class TakesAnyRepository(LayerInfoCache):
    async def remove(self, ctx: Context, repo: str, dgst: str) -> None:
        await self.backend.remove(ctx, repo, dgst)


@breaks_as_a_front("refuses_malformed_metas")
class TakesAnyMeta(LayerInfoCache):
    async def put(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> None:
        await self.backend.put(ctx, repo, dgst, meta)


@breaks_as_a_front("refuses_one_digest_for_many")
class TakesOneForMany(LayerInfoCache):
    async def contains_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[bool]:
        return await super().contains_many(ctx, repo, list(dgsts))


@breaks("accepts_what_its_ancestor_did")
class RequiresTheStrictGrammar(ReferenceBackend):
    async def put(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> None:
        if repo != repo.lower() or ":" not in dgst:
            raise InvalidArgumentError(repo)
        await super().put(ctx, repo, dgst, meta)


@breaks_as_a_front("knows_nothing_at_first")
class FailsOnAMiss(LayerInfoCache):
    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        if await self.backend.meta(ctx, dgst) is None:
            raise BackendError("no such layer")
        return await super().meta(ctx, dgst)


@breaks("remembers_a_membership")
class ForgetsTheSecondAdd(ReferenceBackend):
    async def add(self, ctx: Context, repo: str, dgst: str) -> None:
        self.members ^= {(repo, dgst)}


@breaks("remembers_a_meta")
class KeepsNoMediaType(ReferenceBackend):
    async def set_meta(self, ctx: Context, dgst: str, meta: LayerMeta) -> None:
        self.metas[dgst] = LayerMeta(meta.path, meta.length)


@breaks("keeps_digests_apart")
class KeysByPrefix(ReferenceBackend):
    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        return any(known == repo and other[:7] == dgst[:7] for known, other in self.members)


@breaks("keeps_repositories_apart")
class KeepsOneSetForAll(ReferenceBackend):
    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        return any(dgst == other for _, other in self.members)


@breaks("keeps_membership_and_meta_apart")
class RemovesBothHalves(ReferenceBackend):
    async def remove(self, ctx: Context, repo: str | None, dgst: str) -> None:
        await super().remove(ctx, repo, dgst)
        self.clear((None, dgst))


@breaks("stats_only_what_is_whole")
class StatsByMetaAlone(ReferenceBackend):
    async def stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta | None:
        return await self.meta(ctx, dgst)


@breaks("puts_both_halves")
class PutsTheMetaAlone(ReferenceBackend):
    async def put(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> None:
        await self.set_meta(ctx, dgst, meta)


@breaks("removes")
class RemovesForEver(ReferenceBackend):
    def __init__(self) -> None:
        super().__init__()
        self.removed: set[tuple[str | None, str]] = set()

    async def remove(self, ctx: Context, repo: str | None, dgst: str) -> None:
        await super().remove(ctx, repo, dgst)
        self.removed.add((repo, dgst))

    async def add(self, ctx: Context, repo: str, dgst: str) -> None:
        if (repo, dgst) not in self.removed:
            await super().add(ctx, repo, dgst)


@breaks("forgets")
class CannotForget(ReferenceBackend):
    async def remove(self, ctx: Context, repo: str | None, dgst: str) -> None:
        if repo is None:
            self.drop_token((None, dgst))
        else:
            await super().remove(ctx, repo, dgst)


@breaks("asks_for_many_as_for_one")
class AnswersForManyOutOfOrder(ReferenceBackend):
    async def contains_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[bool]:
        return sorted(await super().contains_many(ctx, repo, dgsts))
