"""What a backend has by default: the methods that follow from the abstract ones."""

import pytest

from layercache import Context, LayerInfoCache, LayerMeta, NotFoundError, background
from layercache.testing import new_digest, new_meta, new_repository
from tests.reference import ReferenceBackend

CTX = background()
REPO, OTHER, DGST = new_repository(), new_repository(), new_digest()
META = new_meta(DGST)


class MovingBackend(ReferenceBackend):
    """Its layer moves from `REPO` to `OTHER` as soon as one half was read, whichever."""

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        is_member = await super().contains(ctx, repo, dgst)
        self.members = {(OTHER, DGST)}
        return is_member

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta | None:
        meta = await super().meta(ctx, dgst)
        self.members = {(OTHER, DGST)}
        return meta


async def test_the_halves_of_a_stat_were_true_together() -> None:
    """The default `stat` reads the meta before the membership."""
    # 1  reader: is it a member of REPO? "yes"
    # 2  the blob is forgotten, and removed from REPO; it is pushed again, to OTHER
    # 3  reader: where does it lie? "there"       <- never true of REPO together
    cache = LayerInfoCache(MovingBackend())
    await cache.put(CTX, REPO, DGST, META)
    with pytest.raises(NotFoundError):
        await cache.stat(CTX, REPO, DGST)
