"""The compact table of what is known, and the promise that it stays bounded.

A registry has a million layers, each known by a digest of 71 characters, and
most of them in one repository. A dictionary of metas beside a set of digests
for each repository would hold four objects and half a kilobyte a layer. Here a
layer is one number, its place in a few columns, and one dictionary leads from
the digest to the number; what Python's collector has to visit does not grow.

An *entry*, of which there are at most `max_entries`, is

- a layer: what is known of its meta, and the first repository that has it; or
- a further repository of a layer, as base layers have them by the thousand.

Both wait in the same queues for their turn to go, so that a base layer stays
and a repository that nobody pulls from does not. With a layer go its further
repositories: nothing is known of a layer that has no entry.

The homes of a layer are None, the name of its one repository, or from the
second one on a dictionary from names to entries.
"""

from layercache.backends.memory.eviction import FIRST, MOST_HITS, Eviction, Subject
from layercache.backends.memory.expiry import Clock, Expiry
from layercache.backends.memory.metas import Metas
from layercache.meta import LayerMeta

Homes = str | dict[str, int] | None


class Table:
    """Memberships and metas, each operation in one step."""

    def __init__(self, max_entries: int, ttl: float | None, clock: Clock) -> None:
        self._max_entries = max_entries
        self._entries: dict[str, int] = {}
        self._homes: list[Homes] = [None] * FIRST  # By entry; a further repository's is None.
        self._names: dict[str, str] = {}
        self._metas = Metas()
        self._built = self._metas.built
        self._eviction = Eviction(max_entries)
        self._hits = self._eviction.hits
        self._expiry = None if ttl is None else Expiry(ttl, clock)

    def __len__(self) -> int:
        return len(self._eviction)

    # ---- asking; a call within costs 45 ns of the 300 that a hit takes here, so they repeat themselves

    def contains(self, repo: str, dgst: str) -> bool:
        """Whether *repo* is known to have *dgst*."""
        layer = self._entries.get(dgst)
        if layer is None:
            return False
        if self._expiry is not None:
            self._drop_ended(layer, dgst, repo, self._expiry)
        if self._homes[layer] != repo and not self._is_shared_with(repo, layer):
            return False
        if self._hits[layer] < MOST_HITS:
            self._hits[layer] += 1
        return True

    def stat(self, repo: str, dgst: str) -> LayerMeta | None:
        """Where *dgst* lies, if that is known and *repo* is known to have it."""
        layer = self._entries.get(dgst)
        if layer is None:
            return None
        if self._expiry is not None:
            self._drop_ended(layer, dgst, repo, self._expiry)
        if self._homes[layer] != repo and not self._is_shared_with(repo, layer):
            return None
        if self._hits[layer] < MOST_HITS:
            self._hits[layer] += 1
        return self._built.get(layer) or self._metas.get(layer, dgst)

    def meta(self, dgst: str) -> LayerMeta | None:
        """Where *dgst* lies, if that is known."""
        layer = self._entries.get(dgst)
        if layer is None:
            return None
        if self._expiry is not None:
            self._drop_ended(layer, dgst, None, self._expiry)
        if self._hits[layer] < MOST_HITS:
            self._hits[layer] += 1
        return self._built.get(layer) or self._metas.get(layer, dgst)

    def _is_shared_with(self, repo: str, layer: int) -> bool:
        homes = self._homes[layer]
        home = homes.get(repo) if isinstance(homes, dict) else None
        if home is None:
            return False
        if home != layer and self._hits[home] < MOST_HITS:
            self._hits[home] += 1
        return True

    # ---- telling all, which counts as no use of it

    def layers(self) -> list[str]:
        """The digests of which something is known now."""
        return list(self._entries)

    def known(self, dgst: str) -> tuple[list[str], LayerMeta | None]:
        """The repositories that are known to have *dgst*, and where it lies, if that is known."""
        layer = self._entries.get(dgst)
        if layer is None:
            return [], None
        if self._expiry is not None:
            for repo in [None, *self._repos(layer)]:
                self._drop_ended(layer, dgst, repo, self._expiry)
        return self._repos(layer), self._metas.get(layer, dgst)

    def _repos(self, layer: int) -> list[str]:
        homes = self._homes[layer]
        return [homes] if isinstance(homes, str) else list(homes or ())

    # ---- remembering

    def put(self, repo: str, dgst: str, meta: LayerMeta) -> None:
        """Remember both halves."""
        self.add(repo, dgst)  # First: to make room for it may take the layer.
        self.set_meta(dgst, meta)

    def add(self, repo: str, dgst: str) -> None:
        """Remember that *repo* has *dgst*."""
        home = self._home(repo, dgst)
        if home is None:
            home = self._settle(repo, dgst)
        if self._expiry is not None:
            self._expiry.homes[home] = self._expiry.end()

    def set_meta(self, dgst: str, meta: LayerMeta) -> None:
        """Remember where *dgst* lies."""
        if dgst not in self._entries:
            self._make_room()
        layer = self._layer(dgst)
        self._metas.set(layer, dgst, meta)
        if self._expiry is not None:
            self._expiry.metas[layer] = self._expiry.end()

    def _settle(self, repo: str, dgst: str) -> int:
        """Give *repo* an entry as a home of *dgst*: the layer's own, if that has no home."""
        layer = self._entries.get(dgst)
        if layer is None or self._homes[layer] is not None:
            self._make_room()  # This may take the layer.
        layer, name = self._layer(dgst), self._name(repo)
        homes = self._homes[layer]
        if homes is None:
            self._homes[layer] = name
            return layer
        if not isinstance(homes, dict):
            homes = self._homes[layer] = {homes: layer}
        home = homes[name] = self._enter((str(dgst), name))
        return home

    def _home(self, repo: str, dgst: str) -> int | None:
        """The entry by which *repo* is known to have *dgst*."""
        layer = self._entries.get(dgst)
        if layer is None:
            return None
        homes = self._homes[layer]
        if isinstance(homes, dict):
            return homes.get(repo)
        return layer if homes == repo else None

    def _layer(self, dgst: str) -> int:
        """The entry of *dgst*; a new one, for which there must be room, if it has none."""
        layer = self._entries.get(dgst)
        if layer is None:
            key = str(dgst)  # A Digest would be larger, and slower to find.
            layer = self._entries[key] = self._enter(key)
        return layer

    def _name(self, repo: str) -> str:
        """One string for all who name *repo*; that it is one only saves memory."""
        name = self._names.get(repo)
        if name is None:
            if len(self._names) >= self._max_entries:
                self._names.clear()
            name = str(repo)
            self._names[name] = name
        return name

    def _enter(self, subject: Subject) -> int:
        entry = self._eviction.enter(subject)
        more = len(self._hits) - len(self._homes)
        if more:
            self._homes.extend([None] * more)
            self._metas.grow(more)
            if self._expiry is not None:
                self._expiry.grow(more)
        return entry

    # ---- forgetting

    def remove(self, repo: str, dgst: str) -> None:
        """Forget that *repo* has *dgst*."""
        home = self._home(repo, dgst)
        if home is None:
            return
        layer = self._entries[dgst]
        homes = self._homes[layer]
        if isinstance(homes, dict):
            del homes[repo]
        if not isinstance(homes, dict) or not homes:
            self._homes[layer] = None
        if home != layer:
            self._eviction.leave(home)
        self._release_if_empty(layer, dgst)

    def forget(self, dgst: str) -> None:
        """Forget where *dgst* lies."""
        layer = self._entries.get(dgst)
        if layer is not None:
            self._metas.clear(layer)
            self._release_if_empty(layer, dgst)

    def _release_if_empty(self, layer: int, dgst: str) -> None:
        if self._homes[layer] is None and not self._metas.has(layer):
            del self._entries[dgst]
            self._eviction.leave(layer)

    def _drop_ended(self, layer: int, dgst: str, repo: str | None, expiry: Expiry) -> None:
        """Forget the meta of the *layer*, and that *repo* has it, where that has come to its end.

        The layer's entry may be free afterwards, and is then empty.
        """
        now = expiry.clock()
        if expiry.metas[layer] <= now:
            self.forget(dgst)
        if repo is None:
            return
        homes = self._homes[layer]
        home = homes.get(repo) if isinstance(homes, dict) else layer
        if home is not None and expiry.homes[home] <= now:
            self.remove(repo, dgst)

    def _make_room(self) -> None:
        while len(self._eviction) >= self._max_entries:
            subject = self._eviction.choose()
            if isinstance(subject, str):
                self._drop(subject)
            else:
                dgst, repo = subject
                self.remove(repo, dgst)

    def _drop(self, dgst: str) -> None:
        """Forget *dgst* and every repository that has it."""
        layer = self._entries.pop(dgst)
        homes = self._homes[layer]
        if isinstance(homes, dict):
            for home in homes.values():
                if home != layer:
                    self._eviction.leave(home)
        self._homes[layer] = None
        self._metas.clear(layer)
        self._eviction.leave(layer)
