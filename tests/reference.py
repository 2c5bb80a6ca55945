"""The contract in its plainest form: what every cache is compared with."""

import itertools

from layercache.backend import Lease
from layercache.cache import LayerInfoCache
from layercache.context import Context
from layercache.errors import NotFoundError
from layercache.meta import LayerMeta

Key = tuple[str | None, str]  # of a membership; with None, of a meta


class ReferenceCache(LayerInfoCache):
    """Sets and dictionaries, without bounds; every twin is atomic, for none suspends."""

    def __init__(self) -> None:
        self.members: set[Key] = set()
        self.metas: dict[str, LayerMeta] = {}
        self.tokens: dict[Key, str] = {}
        self.holds: set[Key] = set()  # which last for ever: this one has no clock
        self._numbers = itertools.count()

    async def _contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        return (repo, dgst) in self.members

    async def _add(self, ctx: Context, repo: str, dgst: str) -> None:
        self.members.add((repo, dgst))

    async def _meta(self, ctx: Context, dgst: str) -> LayerMeta:
        if dgst not in self.metas:
            raise NotFoundError(dgst)
        return self.metas[dgst]

    async def _set_meta(self, ctx: Context, dgst: str, meta: LayerMeta) -> None:
        self.metas[dgst] = meta

    async def _remove(self, ctx: Context, repo: str, dgst: str) -> None:
        self.clear((repo, dgst))
        self.drop_token((repo, dgst))

    async def _forget(self, ctx: Context, dgst: str) -> None:
        self.clear((None, dgst))
        self.drop_token((None, dgst))

    async def _lease(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
        keys = [(None, dgst)] if repo is None else [(repo, dgst), (None, dgst)]
        if any(key in self.holds or self.tokens.get(key, "").startswith("closing") for key in keys):
            return None
        tokens = [self.tokens.setdefault(key, self.new_token("token")) for key in keys]
        return Lease(repo, dgst, "" if repo is None else tokens[0], tokens[-1])

    async def _fill(self, ctx: Context, lease: Lease, meta: LayerMeta) -> bool:
        stored = []
        if lease.repo is not None:
            stored.append(self.redeem((lease.repo, lease.dgst), lease.membership))
            if stored[-1]:
                self.members.add((lease.repo, lease.dgst))
        stored.append(self.redeem((None, lease.dgst), lease.meta))
        if stored[-1]:
            self.metas[lease.dgst] = meta
        return all(stored)

    async def begin_removal(self, ctx: Context, repo: str | None, dgst: str) -> str:
        self.clear((repo, dgst))
        marker = self.tokens[repo, dgst] = self.new_token("closing")
        return marker

    async def end_removal(
        self, ctx: Context, repo: str | None, dgst: str, marker: str, *, has_returned: bool
    ) -> None:
        if not has_returned:
            self.holds.add((repo, dgst))
        self.clear((repo, dgst))
        if self.tokens.get((repo, dgst)) == marker:
            del self.tokens[repo, dgst]
        self.drop_token((repo, dgst))

    # ---- the steps

    def new_token(self, kind: str) -> str:
        return f"{kind}-{next(self._numbers)}"

    def clear(self, key: Key) -> None:
        self.members.discard(key)
        if key[0] is None:
            self.metas.pop(key[1], None)

    def drop_token(self, key: Key) -> None:
        if not self.tokens.get(key, "").startswith("closing"):
            self.tokens.pop(key, None)

    def redeem(self, key: Key, token: str) -> bool:
        if self.tokens.get(key) != token:
            return False
        del self.tokens[key]
        return True
