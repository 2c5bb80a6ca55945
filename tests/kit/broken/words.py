"""Caches that break the checks of `layercache.testing.words`, one each."""

# Public methods are final; a broken cache may override them, and says so here once.
# mypy: disable-error-code="misc"

from collections.abc import Sequence

from layercache.context import Context
from layercache.errors import BackendError, InvalidArgumentError
from layercache.meta import LayerMeta
from tests.kit.broken.registry import breaks
from tests.reference import ReferenceCache


@breaks("refuses_malformed_digests")
class TakesAnyDigest(ReferenceCache):
    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        return await self._meta(ctx, dgst)


@breaks("refuses_malformed_repositories")
class TakesAnyRepository(ReferenceCache):
    async def remove(self, ctx: Context, repo: str, dgst: str) -> None:
        await self._remove(ctx, repo, dgst)


@breaks("refuses_malformed_metas")
class TakesAnyMeta(ReferenceCache):
    async def put(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> None:
        await self._put(ctx, repo, dgst, meta)


@breaks("refuses_one_digest_for_many")
class TakesOneForMany(ReferenceCache):
    async def contains_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[bool]:
        return await super().contains_many(ctx, repo, list(dgsts))


@breaks("accepts_what_its_ancestor_did")
class WantsTheStrictGrammar(ReferenceCache):
    async def _put(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> None:
        if repo != repo.lower() or ":" not in dgst:
            raise InvalidArgumentError(repo)
        await super().put(ctx, repo, dgst, meta)


@breaks("knows_nothing_at_first")
class FailsOnAMiss(ReferenceCache):
    async def meta(self, ctx: Context, dgst: str) -> LayerMeta:
        if dgst not in self.metas:
            raise BackendError("no such layer")
        return await super().meta(ctx, dgst)


@breaks("remembers_a_membership")
class ForgetsTheSecondAdd(ReferenceCache):
    async def _add(self, ctx: Context, repo: str, dgst: str) -> None:
        self.members ^= {(repo, dgst)}


@breaks("remembers_a_meta")
class KeepsNoMediaType(ReferenceCache):
    async def _set_meta(self, ctx: Context, dgst: str, meta: LayerMeta) -> None:
        self.metas[dgst] = LayerMeta(meta.path, meta.length)


@breaks("keeps_digests_apart")
class KeysByPrefix(ReferenceCache):
    async def _contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        return any(known == repo and other[:7] == dgst[:7] for known, other in self.members)


@breaks("keeps_repositories_apart")
class KeepsOneSetForAll(ReferenceCache):
    async def _contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        return any(dgst == other for _, other in self.members)


@breaks("keeps_membership_and_meta_apart")
class RemovesBothHalves(ReferenceCache):
    async def _remove(self, ctx: Context, repo: str, dgst: str) -> None:
        await super().remove(ctx, repo, dgst)
        self.clear((None, dgst))


@breaks("stats_only_what_is_whole")
class StatsByMetaAlone(ReferenceCache):
    async def _stat(self, ctx: Context, repo: str, dgst: str) -> LayerMeta:
        return await self._meta(ctx, dgst)


@breaks("puts_both_halves")
class PutsTheMetaAlone(ReferenceCache):
    async def _put(self, ctx: Context, repo: str, dgst: str, meta: LayerMeta) -> None:
        await self._set_meta(ctx, dgst, meta)


@breaks("removes")
class RemovesForEver(ReferenceCache):
    def __init__(self) -> None:
        super().__init__()
        self.removed: set[tuple[str, str]] = set()

    async def _remove(self, ctx: Context, repo: str, dgst: str) -> None:
        await super().remove(ctx, repo, dgst)
        self.removed.add((repo, dgst))

    async def _add(self, ctx: Context, repo: str, dgst: str) -> None:
        if (repo, dgst) not in self.removed:
            await super().add(ctx, repo, dgst)


@breaks("forgets")
class CannotForget(ReferenceCache):
    async def _forget(self, ctx: Context, dgst: str) -> None:
        self.drop_token((None, dgst))


@breaks("asks_for_many_as_for_one")
class AnswersForManyOutOfOrder(ReferenceCache):
    async def _contains_many(self, ctx: Context, repo: str, dgsts: Sequence[str]) -> list[bool]:
        return sorted(await super().contains_many(ctx, repo, dgsts))
