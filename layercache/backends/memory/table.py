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

The repositories of a layer are None, the name of its one repository, or from the
second one on a dictionary from names to entries.
"""

from layercache.backends.memory.eviction import FIRST, MOST_HITS, Eviction, Subject
from layercache.backends.memory.expiry import Clock, Expiry
from layercache.backends.memory.metas import Metas
from layercache.meta import LayerMeta

Repositories = str | dict[str, int] | None


class Table:
    """Memberships and metas, each operation in one step."""

    def __init__(self, max_entries: int, ttl: float | None, clock: Clock) -> None:
        self._max_entries = max_entries
        self._ttl = ttl
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._entries: dict[str, int] = {}
        self._repositories_of: list[Repositories] = [
            None
        ] * FIRST  # By entry; a further repository's is None.
        self._names: dict[str, str] = {}
        self._metas = Metas()
        self._built = self._metas.built
        self._eviction = Eviction(self._max_entries)
        self._hits = self._eviction.hits
        self._expiry = None if self._ttl is None else Expiry(self._ttl, self._clock)

    def __len__(self) -> int:
        return len(self._eviction)

    # ---- asking; a call within costs 45 ns of the 300 that a hit takes here, so they repeat themselves

    def contains(self, repo: str, dgst: str) -> bool:
        """Whether *repo* is known to have *dgst*."""
        try:
            layer = self._entries.get(dgst)
        except TypeError:  # A name that has not been checked may be of any type.
            return False
        if layer is None:
            return False
        if self._expiry is not None:
            self._drop_ended(layer, dgst, repo, self._expiry)
        if self._repositories_of[layer] != repo and not self._is_shared_with(repo, layer):
            return False
        if self._hits[layer] < MOST_HITS:
            self._hits[layer] += 1
        return True

    def stat(self, repo: str, dgst: str) -> LayerMeta | None:
        """Where *dgst* lies, if that is known and *repo* is known to have it."""
        try:
            layer = self._entries.get(dgst)
        except TypeError:
            return None
        if layer is None:
            return None
        if self._expiry is not None:
            self._drop_ended(layer, dgst, repo, self._expiry)
        if self._repositories_of[layer] != repo and not self._is_shared_with(repo, layer):
            return None
        if self._hits[layer] < MOST_HITS:
            self._hits[layer] += 1
        return self._built.get(layer) or self._metas.get(layer, dgst)

    def meta(self, dgst: str) -> LayerMeta | None:
        """Where *dgst* lies, if that is known."""
        try:
            layer = self._entries.get(dgst)
        except TypeError:
            return None
        if layer is None:
            return None
        if self._expiry is not None:
            self._drop_ended(layer, dgst, None, self._expiry)
        if self._hits[layer] < MOST_HITS:
            self._hits[layer] += 1
        return self._built.get(layer) or self._metas.get(layer, dgst)

    def _is_shared_with(self, repo: str, layer: int) -> bool:
        repositories = self._repositories_of[layer]
        try:
            entry = repositories.get(repo) if isinstance(repositories, dict) else None
        except TypeError:
            return False
        if entry is None:
            return False
        if entry != layer and self._hits[entry] < MOST_HITS:
            self._hits[entry] += 1
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
            for repo in [None, *self._repositories(layer)]:
                self._drop_ended(layer, dgst, repo, self._expiry)
        return self._repositories(layer), self._metas.get(layer, dgst)

    def _repositories(self, layer: int) -> list[str]:
        repositories = self._repositories_of[layer]
        return [repositories] if isinstance(repositories, str) else list(repositories or ())

    # ---- remembering

    def put(self, repo: str, dgst: str, meta: LayerMeta) -> None:
        """Remember both halves."""
        self.add(repo, dgst)  # First: to make room for it may take the layer.
        self.set_meta(dgst, meta)

    def add(self, repo: str, dgst: str) -> None:
        """Remember that *repo* has *dgst*."""
        entry = self._find(repo, dgst)
        if entry is None:
            entry = self._add_repository(repo, dgst)
        if self._expiry is not None:
            self._expiry.repositories[entry] = self._expiry.end()

    def set_meta(self, dgst: str, meta: LayerMeta) -> None:
        """Remember where *dgst* lies."""
        if dgst not in self._entries:
            self._make_room()
        layer = self._layer(dgst)
        self._metas.set(layer, dgst, meta)
        if self._expiry is not None:
            self._expiry.metas[layer] = self._expiry.end()

    def _add_repository(self, repo: str, dgst: str) -> int:
        """Give *repo* an entry for *dgst*: the layer's own, if no repository has that."""
        layer = self._entries.get(dgst)
        if layer is None or self._repositories_of[layer] is not None:
            self._make_room()  # This may take the layer.
        layer, name = self._layer(dgst), self._name(repo)
        repositories = self._repositories_of[layer]
        if repositories is None:
            self._repositories_of[layer] = name
            return layer
        if not isinstance(repositories, dict):
            repositories = self._repositories_of[layer] = {repositories: layer}
        entry = repositories[name] = self._enter((str(dgst), name))
        return entry

    def _find(self, repo: str, dgst: str) -> int | None:
        """The entry by which *repo* is known to have *dgst*."""
        layer = self._entries.get(dgst)
        if layer is None:
            return None
        repositories = self._repositories_of[layer]
        if isinstance(repositories, dict):
            return repositories.get(repo)
        return layer if repositories == repo else None

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
        more = len(self._hits) - len(self._repositories_of)
        if more:
            self._repositories_of.extend([None] * more)
            self._metas.grow(more)
            if self._expiry is not None:
                self._expiry.grow(more)
        return entry

    # ---- forgetting

    def remove(self, repo: str, dgst: str) -> None:
        """Forget that *repo* has *dgst*."""
        entry = self._find(repo, dgst)
        if entry is None:
            return
        layer = self._entries[dgst]
        repositories = self._repositories_of[layer]
        if isinstance(repositories, dict):
            del repositories[repo]
        if not isinstance(repositories, dict) or not repositories:
            self._repositories_of[layer] = None
        if entry != layer:
            self._eviction.leave(entry)
        self._release_if_empty(layer, dgst)

    def forget(self, dgst: str) -> None:
        """Forget where *dgst* lies."""
        layer = self._entries.get(dgst)
        if layer is not None:
            self._metas.clear(layer)
            self._release_if_empty(layer, dgst)

    def _release_if_empty(self, layer: int, dgst: str) -> None:
        if self._repositories_of[layer] is None and not self._metas.has(layer):
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
        repositories = self._repositories_of[layer]
        entry = repositories.get(repo) if isinstance(repositories, dict) else layer
        if entry is not None and expiry.repositories[entry] <= now:
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
        repositories = self._repositories_of[layer]
        if isinstance(repositories, dict):
            for entry in repositories.values():
                if entry != layer:
                    self._eviction.leave(entry)
        self._repositories_of[layer] = None
        self._metas.clear(layer)
        self._eviction.leave(layer)
