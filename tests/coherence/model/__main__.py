"""Print the table: `python -m tests.coherence.model [-v] [--wide] [WORD]`.

It takes half a minute of one core; what --wide adds, half an hour and 3 GB.
"""

import argparse
import sys
import time
from collections.abc import Iterator

from tests.coherence.model.far.rows import FAR
from tests.coherence.model.near.rows import NEAR
from tests.coherence.model.variants import WIDER, Variant

COLUMNS = "{:12} {:64} {:16} {:>8} {:>6}{}"


def main() -> None:
    """Explore every variant that is asked for, and tell what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.coherence.model", description=__doc__)
    parser.add_argument("-v", action="store_true", dest="is_verbose", help="tell the shortest history, too")
    parser.add_argument("--wide", action="store_true", help="also what takes too long for the tests")
    parser.add_argument("word", nargs="?", default="", help="only variants with this in their names")
    options = parser.parse_args()
    tell(COLUMNS.format("", "variant", "broken", "states", "s", ""))
    for variant in (*FAR, *NEAR):
        if options.word in str(variant) and (options.wide or variant.kind != WIDER):
            tell(*lines(variant, is_verbose=options.is_verbose))


def lines(variant: Variant, *, is_verbose: bool) -> Iterator[str]:
    """What is to be told of *variant*."""
    begin = time.perf_counter()
    states, findings = variant.explore()
    seconds = f"{time.perf_counter() - begin:.1f}"
    broken = ", ".join(f"{name} in {len(story)} steps" for name, story in findings.items()) or "none"
    mark = "" if set(findings) == variant.expected else "  <- not what was expected"
    yield COLUMNS.format(variant.kind, variant.title, broken, states, seconds, mark)
    if is_verbose:
        for story in findings.values():
            yield from (f"{number:15}  {line}" for number, line in enumerate(story, 1))


def tell(*some: str) -> None:
    """Print *some* lines at once, for the next row may take its time."""
    sys.stdout.write("".join(f"{line}\n" for line in some))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
