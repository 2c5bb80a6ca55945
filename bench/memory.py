"""MemoryCache beside others: how fast it answers, how much it takes, what it keeps.

    python -m bench.memory [--only lookups,sizes,hits] [--layers 1000000] [--repeats 3]

Takes about five minutes on one core; nothing else should run beside it. The
shares of the policy can be seen to be chosen with `--only variants`.
"""

import argparse

from bench.memory_parts import hits, lookups, sizes

PARTS = ("lookups", "sizes", "hits")


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--layers", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--weigh", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.weigh:
        sizes.weigh(asked.weigh, asked.layers)
        return
    if "lookups" in asked.only:
        lookups.report()
        print()
    if "sizes" in asked.only:
        sizes.report(asked.layers, asked.repeats)
        print()
    if "hits" in asked.only:
        hits.report()
    if "variants" in asked.only:
        hits.report_variants()


if __name__ == "__main__":
    main()
