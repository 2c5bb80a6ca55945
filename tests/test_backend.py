"""What a backend gets for nothing: the twins that follow from the others."""

import pytest

from layercache import Context, LayerMeta, NotFoundError, background
from layercache.testing import new_digest, new_meta, new_repository
from tests.reference import ReferenceCache

CTX = background()
REPO, OTHER, DGST = new_repository(), new_repository(), new_digest()
META = new_meta(DGST)


class MovingCache(ReferenceCache):
    """Its layer leaves `REPO` for `OTHER` as soon as one half was read, whichever."""

    async def _contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        answer = await super().contains(ctx, repo, dgst)
        self.members = {(OTHER, DGST)}
        return answer

    async def _meta(self, ctx: Context, dgst: str) -> LayerMeta:
        meta = await super().meta(ctx, dgst)
        self.members = {(OTHER, DGST)}
        return meta


async def test_the_halves_of_a_stat_were_true_together() -> None:
    """The meta is read before the membership, not the other way round."""
    # 1  reader: is it a member of REPO? "yes"
    # 2  the blob is forgotten, and removed from REPO; it is pushed again, to OTHER
    # 3  reader: where does it lie? "there"       <- never true of REPO together
    cache = MovingCache()
    await cache.put(CTX, REPO, DGST, META)
    with pytest.raises(NotFoundError):
        await cache.stat(CTX, REPO, DGST)
