"""So many nodes in one process, which all have near what one writer changes.

    python -m bench.near_parts.crowd URL NODES

Each line on standard input, `repo dgst`, has every node ask for that layer until
it is near, and is answered by a line of JSON: seconds of CPU and pushes so far.
"""

import asyncio
import json
import os
import sys

from bench.near_parts.changes import Node
from bench.near_parts.scene import CLIENT_CORE
from bench.processor import cpu_seconds
from layercache import background


async def ask(nodes: list[Node], repo: str, dgst: str) -> None:
    """Have it near everywhere."""
    for _ in range(2):
        await asyncio.gather(*(node.cache.stat(background(), repo, dgst) for node in nodes))


async def serve(url: str, count: int) -> None:
    """Answer each line."""
    os.sched_setaffinity(0, {CLIENT_CORE})
    nodes = [Node(url, 10_000) for _ in range(count)]
    read = asyncio.get_running_loop().run_in_executor
    while line := await read(None, sys.stdin.readline):
        await ask(nodes, *line.split())
        print(json.dumps([cpu_seconds(), sum(len(node.spent) for node in nodes)]), flush=True)
    for node in nodes:
        await node.cache.aclose()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
