"""Caches that break the checks of `layercache.testing.leases`, one each."""

# Public methods are final; only a broken cache overrides them.
# mypy: disable-error-code="misc"

from layercache.backend import Lease
from layercache.context import Context
from layercache.meta import LayerMeta
from tests.kit.broken.registry import breaks
from tests.reference import ReferenceBackend


@breaks("fills_under_a_lease")
class NeverFills(ReferenceBackend):
    async def fill(self, ctx: Context, lease: Lease, meta: LayerMeta) -> bool:
        return False


@breaks("fills_the_meta_alone")
class FillsAMembershipToo(ReferenceBackend):
    async def fill(self, ctx: Context, lease: Lease, meta: LayerMeta) -> bool:
        return lease.repo is not None and await super().fill(ctx, lease, meta)


@breaks("refuses_to_fill_what_was_removed")
class RemovesWithoutTheToken(ReferenceBackend):
    async def remove(self, ctx: Context, repo: str | None, dgst: str) -> None:
        self.clear((repo, dgst))
        if repo is None:
            self.drop_token((repo, dgst))


@breaks("refuses_to_fill_what_was_forgotten")
class ForgetsWithoutTheToken(ReferenceBackend):
    async def remove(self, ctx: Context, repo: str | None, dgst: str) -> None:
        self.clear((repo, dgst))
        if repo is not None:
            self.drop_token((repo, dgst))


@breaks("refuses_a_token_it_did_not_give")
class TakesAnyToken(ReferenceBackend):
    def redeem(self, key: tuple[str | None, str], token: str) -> bool:
        return self.tokens.pop(key, None) is not None


@breaks("voids_every_share_of_a_lease")
class GivesEachALeaseOfItsOwn(ReferenceBackend):
    def __init__(self) -> None:
        super().__init__()
        self.shares: dict[tuple[str | None, str], int] = {}

    async def lease(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
        self.shares[repo, dgst] = self.shares.get((repo, dgst), 0) + 1
        return await super().lease(ctx, repo, dgst)

    def drop_token(self, key: tuple[str | None, str]) -> None:
        self.shares[key] = self.shares.get(key, 0) - 1
        if self.shares[key] <= 0:
            super().drop_token(key)


@breaks("gives_a_new_lease_after_a_removal")
class GivesTheSameTokenAgain(ReferenceBackend):
    def new_token(self, kind: str) -> str:
        return "token" if kind == "token" else super().new_token(kind)
