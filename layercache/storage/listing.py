"""What a registry's tree has, listed: a thousandth of the requests that asking for each would take.

A half of a tree that is not mounted, or not restored yet, lists as empty, and whoever
believed that would forget, or delete, all that is in the other half. So a tree of
which one half has something and the other has nothing is not listed.
"""

from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Self

from layercache.context import Context
from layercache.errors import BackendUnavailableError
from layercache.meta import TREE
from layercache.source import Links, Strays, part_of
from layercache.storage.files import File, files, folders
from layercache.storage.layout import digest_of_data, is_of_a_registry, layer_of_link, manifest_of_link

if TYPE_CHECKING:  # obstore names it for type checkers only.
    from obstore.store import ObjectStore

BLOBS, REPOSITORIES = f"{TREE}/blobs", f"{TREE}/repositories"


class TreeListing:
    """What is in a registry's tree: a `FullListing`."""

    def __init__(
        self, store: "ObjectStore", where: str, directories: Mapping[str, Sequence[str]], strays: Strays
    ) -> None:
        """List what is in *store*.

        Args:
            store: The root of the registry's storage driver.
            where: What an error calls it.
            directories: By part, where its blobs lie.
            strays: What was passed over to find them; the rest is added to it.
        """
        self._store = store
        self._where = where
        self._directories = directories
        self.strays = strays

    @classmethod
    async def begin(cls, ctx: Context, store: "ObjectStore", where: str) -> Self:
        """Look which directories have blobs: a request, and one for each algorithm."""
        await ctx.run(require_tree(store, where))
        strays = Strays()
        directories: dict[str, list[str]] = defaultdict(list)
        for algorithm in await ctx.run(folders(store, BLOBS, strays.add)):
            for pair in await ctx.run(folders(store, f"{BLOBS}/{algorithm}", strays.add)):
                directories[part_of(f":{pair}")].append(f"{BLOBS}/{algorithm}/{pair}")
        return cls(store, where, directories, strays)

    async def links(self, ctx: Context) -> AsyncIterator[Links]:
        """Repositories and the layers that they link; the errors are those of `members`."""
        async with aclosing(self.members(ctx)) as listed:
            async for layers, _ in listed:
                yield layers

    async def members(self, ctx: Context) -> AsyncGenerator[tuple[Links, Links], None]:
        """Repositories and the layers that they link, and the manifests.

        Raises:
            BackendUnavailableError: There are blobs and nothing in the folder
                of the repositories, or links and nothing in that of the blobs.
        """
        async with aclosing(self.files(ctx, REPOSITORIES)) as listed:
            async for some in listed:
                layers = [
                    link for path, size, _ in some if (link := layer_of_link(path)) and len(link[1]) == size
                ]
                manifests = [
                    link
                    for path, size, _ in some
                    if (link := manifest_of_link(path)) and len(link[1]) == size
                ]
                if (layers or manifests) and not self._directories:
                    raise half_of_a_tree(REPOSITORIES, BLOBS)
                yield layers, manifests

    async def blobs(self, ctx: Context, part: str) -> AsyncIterator[Sequence[tuple[str, int]]]:
        """The digests of *part* whose blobs are there, and the lengths of these."""
        for directory in self._directories.get(part, ()):
            async with aclosing(self.files(ctx, directory)) as listed:
                async for some in listed:
                    found = [(digest_of_data(path), size) for path, size, _ in some]
                    yield [(dgst, size) for dgst, size in found if dgst is not None]

    async def files(self, ctx: Context, folder: str) -> AsyncGenerator[Sequence[File], None]:
        """All files below *folder*; those that no registry wrote are added to the strays, too.

        Raises:
            BackendUnavailableError: There are blobs, and nothing in the folder of the repositories.
        """
        if folder == REPOSITORIES and self._directories and not await ctx.run(folders(self._store, folder)):
            await ctx.run(require_tree(self._store, self._where))
            raise half_of_a_tree(BLOBS, REPOSITORIES)
        listed = files(self._store, folder, self.strays.add)
        while some := await ctx.run(_next(listed)):
            for path, *_ in some:
                if not is_of_a_registry(path):
                    self.strays.add(path)
            yield some


async def require_tree(store: "ObjectStore", where: str) -> None:
    """Raise `BackendUnavailableError` if there is nothing at all of a tree in *store*."""
    lying: list[str] = []
    if not await folders(store, TREE, lying.append) and not lying:
        raise BackendUnavailableError(f"no registry's tree in {where}: nothing in {TREE}")


def half_of_a_tree(there: str, missing: str) -> BackendUnavailableError:
    """What to raise where one half of a tree has something, and the other nothing."""
    return BackendUnavailableError(
        f"half of a registry's tree: something is in {there} and nothing in {missing}; "
        "is all of it mounted, and restored?"
    )


async def _next(listed: AsyncIterator[Sequence[File]]) -> Sequence[File] | None:
    """What comes next; a coroutine, so that nothing is asked under a context that has ended."""
    return await anext(listed, None)
