"""The simplest cache that keeps the contract: all others are compared with it."""

import itertools
from collections.abc import AsyncIterator, Sequence

from layercache.backend import Batch, Lease, Scannable
from layercache.cache import LayerInfoCache
from layercache.context import Context
from layercache.meta import LayerMeta

Key = tuple[str | None, str]  # of a membership; with None, of a meta


class ReferenceBackend(Scannable):
    """Sets and dictionaries, without bounds; each method is one step, for none suspends."""

    def __init__(self) -> None:
        self.members: set[Key] = set()
        self.metas: dict[str, LayerMeta] = {}
        self.tokens: dict[Key, str] = {}
        self.holds: set[Key] = set()  # They last for ever, for there is no clock.
        self._numbers = itertools.count()

    async def contains(self, ctx: Context, repo: str, dgst: str) -> bool:
        return (repo, dgst) in self.members

    async def add(self, ctx: Context, repo: str, dgst: str) -> None:
        self.members.add((repo, dgst))

    async def meta(self, ctx: Context, dgst: str) -> LayerMeta | None:
        return self.metas.get(dgst)

    async def set_meta(self, ctx: Context, dgst: str, meta: LayerMeta) -> None:
        self.metas[dgst] = meta

    async def remove(self, ctx: Context, repo: str | None, dgst: str) -> None:
        self.clear((repo, dgst))
        self.drop_token((repo, dgst))

    async def lease(self, ctx: Context, repo: str | None, dgst: str) -> Lease | None:
        keys = [(None, dgst)] if repo is None else [(repo, dgst), (None, dgst)]
        if any(key in self.holds or self.tokens.get(key, "").startswith("removal") for key in keys):
            return None
        tokens = [self.tokens.setdefault(key, self.new_token("token")) for key in keys]
        return Lease(repo, dgst, "" if repo is None else tokens[0], tokens[-1])

    async def fill(self, ctx: Context, lease: Lease, meta: LayerMeta) -> bool:
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
        marker = self.tokens[repo, dgst] = self.new_token("removal")
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

    async def scan(self, ctx: Context) -> AsyncIterator[Batch]:
        yield Batch(
            [(repo, dgst) for repo, dgst in self.members if repo is not None], list(self.metas.items())
        )

    async def list_repository(self, ctx: Context, repo: str) -> AsyncIterator[Sequence[str]]:
        yield [dgst for known, dgst in self.members if known == repo]

    # ---- the steps

    def new_token(self, kind: str) -> str:
        return f"{kind}-{next(self._numbers)}"

    def clear(self, key: Key) -> None:
        self.members.discard(key)
        if key[0] is None:
            self.metas.pop(key[1], None)

    def drop_token(self, key: Key) -> None:
        if not self.tokens.get(key, "").startswith("removal"):
            self.tokens.pop(key, None)

    def redeem(self, key: Key, token: str) -> bool:
        if self.tokens.get(key) != token:
            return False
        del self.tokens[key]
        return True


class ReferenceCache(LayerInfoCache):
    """The front of a reference backend."""

    def __init__(self) -> None:
        self.reference = ReferenceBackend()
        super().__init__(self.reference)
