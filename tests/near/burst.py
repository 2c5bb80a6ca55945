"""A writer in a process of its own, which changes layers that a node has near, so many times a second.

    python -m tests.near.burst URL LAYERS WRITES RATE

The writes go around the layers. Each is one command: the next version of a
layer's meta, or, one of ten, a change of the set of a repository. Prints
how many it wrote a second.
"""

import sys
import time

import redis
from redis.client import Pipeline

from tests.memory.inside import digest

REPOSITORIES = 10
TURNS_A_SECOND = 100


def repository(number: int) -> str:
    """The repository that has layer *number*."""
    return f"burst/{number % REPOSITORIES}"


def write(pipeline: Pipeline, number: int, layers: int) -> None:
    """The write of that *number*."""
    version, layer = number // layers + 1, number % layers
    if number % 10 == 9:
        pipeline.sadd(f"repository::{repository(number // 10)}::blobs", f"sha256:{number}")
    else:
        pipeline.hset(f"blobs::{digest(layer)}", mapping={"length": version, "size": version})


def main(url: str, layers: int, writes: int, rate: int) -> None:
    """Write, as fast as *rate* allows."""
    with redis.Redis.from_url(url) as client:
        begin = time.monotonic()
        for start in range(0, writes, rate // TURNS_A_SECOND):
            time.sleep(max(0.0, begin + start / rate - time.monotonic()))  # This is the rate.
            with client.pipeline(transaction=False) as pipeline:
                for number in range(start, min(writes, start + rate // TURNS_A_SECOND)):
                    write(pipeline, number, layers)
                pipeline.execute()
        sys.stdout.write(f"{writes / (time.monotonic() - begin):.0f}\n")


if __name__ == "__main__":
    url, layers, writes, rate = sys.argv[1:]
    main(url, int(layers), int(writes), int(rate))
