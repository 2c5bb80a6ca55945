"""What a registry's tree has, listed: a thousandth of the requests that asking for each would take."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Self

import obstore
from obstore.exceptions import BaseError

from layercache.context import Context
from layercache.errors import BackendError
from layercache.meta import TREE
from layercache.scan import part_of
from layercache.storage.layout import digest_of_data, layer_of_link

if TYPE_CHECKING:  # obstore names these for type checkers only.
    from obstore import ListStream, ObjectMeta
    from obstore.store import ObjectStore

CHUNK_SIZE = 1_000  # objects, as many as a bucket lists in one answer

Named = Callable[[Exception], BackendError]


class TreeListing:
    """What is in a registry's tree: a `Listing`."""

    def __init__(self, store: "ObjectStore", named: Named, directories: Mapping[str, Sequence[str]]) -> None:
        """List what is in *store*.

        Args:
            store: The root of the registry's storage driver.
            named: Makes an error of ours of one of the driver's.
            directories: By part, where its blobs lie.
        """
        self._store = store
        self._named = named
        self._directories = directories

    @classmethod
    async def begin(cls, ctx: Context, store: "ObjectStore", named: Named) -> Self:
        """Look which directories have blobs: one request, and one for each algorithm."""
        directories: dict[str, list[str]] = defaultdict(list)
        try:
            for algorithm in await _subdirectories(ctx, store, f"{TREE}/blobs"):
                for directory in await _subdirectories(ctx, store, algorithm):
                    pair = directory.rpartition("/")[2]
                    directories[part_of(f":{pair}")].append(directory)
        except (BaseError, OSError) as error:
            raise named(error) from error
        return cls(store, named, directories)

    async def links(self, ctx: Context) -> AsyncIterator[Sequence[tuple[str, str]]]:
        """Repositories and digests that they link."""
        async for objects in self._list(ctx, f"{TREE}/repositories"):
            links: list[tuple[str, str]] = []
            for found in objects:
                layer = layer_of_link(found["path"])
                if layer is not None and len(layer[1]) == found["size"]:
                    links.append(layer)
            yield links

    async def blobs(self, ctx: Context, part: str) -> AsyncIterator[Sequence[tuple[str, int]]]:
        """The digests of *part* whose blobs are there, and the lengths of these."""
        for directory in self._directories.get(part, ()):
            async for objects in self._list(ctx, directory):
                blobs: list[tuple[str, int]] = []
                for found in objects:
                    dgst = digest_of_data(found["path"])
                    if dgst is not None:
                        blobs.append((dgst, found["size"]))
                yield blobs

    async def _list(self, ctx: Context, prefix: str) -> "AsyncIterator[Sequence[ObjectMeta]]":
        try:
            stream: ListStream[Sequence[ObjectMeta]] = obstore.list(
                self._store, prefix, chunk_size=CHUNK_SIZE
            )
            while objects := await ctx.run(_next(stream)):
                yield objects
        except (BaseError, OSError) as error:
            raise self._named(error) from error


async def _subdirectories(ctx: Context, store: "ObjectStore", directory: str) -> Sequence[str]:
    listing = await ctx.run(obstore.list_with_delimiter_async(store, directory))
    return listing["common_prefixes"]


async def _next(stream: "ListStream[Sequence[ObjectMeta]]") -> "Sequence[ObjectMeta] | None":
    """What comes next; a coroutine, so that nothing is asked under a context that has ended."""
    return await anext(stream, None)
