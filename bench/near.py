"""TieredCache: what is near, what a change of it costs, how it bears many nodes and a storm of pushes.

    python -m bench.near [--only hits,mixed,changes,nodes,storm,sizes] [--repeats 5]

Starts redis-servers of its own, on the second core. Takes about four minutes;
nothing else should run beside it. The figures of docs/explanation/scale.md are
those of nodes, storm and sizes.
"""

import argparse
from collections.abc import Callable

from bench.near_parts import changes, hits, mixed, nodes, sizes, storm

PARTS: dict[str, Callable[[int], None]] = {
    "hits": hits.report,
    "mixed": mixed.report,
    "changes": changes.report,
    "nodes": nodes.report,
    "storm": storm.report,
    "sizes": sizes.report,
}


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    for name in asked.only.split(","):
        PARTS[name](asked.repeats)


if __name__ == "__main__":
    main()
