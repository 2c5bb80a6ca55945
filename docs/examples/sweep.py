"""Deletes the blobs that no repository has; stop pushes for as long as it runs. See registry/sweep.py.

python docs/examples/sweep.py --root /var/lib/docker-registry --cache redis://127.0.0.1
"""

import argparse
import asyncio
import sys
from pathlib import Path

from registry.sweep import sweep
from registry.tree import Tree

from layercache import Digest, LayerCacheError, background, open_cache


def main() -> None:
    """Sweep, and tell what went."""
    parser = argparse.ArgumentParser(description="Delete the blobs that no repository has.")
    parser.add_argument("--root", required=True, help="a directory, or a URL: s3://bucket/prefix")
    parser.add_argument("--cache", required=True, help="the URL of the cache that the registries share")
    options = parser.parse_args()
    root = options.root if "://" in options.root else Path(options.root).resolve().as_uri()
    try:
        for dgst in asyncio.run(swept(root, options.cache)):
            print(dgst)
    except LayerCacheError as error:
        sys.exit(f"sweep.py: nothing more is deleted: {error}")


async def swept(root: str, cache_url: str) -> list[Digest]:
    """Sweep below *root*, a URL."""
    async with open_cache(cache_url) as cache:
        return await sweep(background(), Tree(root), cache)


if __name__ == "__main__":
    main()
