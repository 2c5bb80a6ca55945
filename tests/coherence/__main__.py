"""`python -m tests.coherence --minutes 10 --seed 1`: a run, its report, and 1 unless all is right."""

import argparse
import asyncio
import shutil
import sys
from pathlib import Path
from tempfile import mkdtemp

from tests.coherence.conductor import conduct
from tests.coherence.settings import FAULTS, PERSISTENCE, Settings
from tests.coherence.variants import VARIANTS


def parsed(arguments: list[str]) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.coherence", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--variant", choices=VARIANTS, default="ours")
    parser.add_argument("--near", action="store_const", dest="variant", const="near", help="--variant near")
    parser.add_argument("--faults", default="all", help=f"all, none, or some of {','.join(FAULTS)}")
    parser.add_argument("--persistence", choices=PERSISTENCE, default="none")
    parser.add_argument("--until-caught", action="store_true", help="end when the variant is caught")
    parser.add_argument("--eager-tasks", action="store_true", help="in the workers; needs Python 3.12")
    parser.add_argument("--rate-report", action="store_true", help="show how the rate went")
    return parser.parse_args(arguments)


def named_faults(text: str) -> tuple[str, ...]:
    """Some of `FAULTS`, as the command line names them."""
    if text in ("all", "none"):
        return FAULTS if text == "all" else ()
    names = tuple(text.split(","))
    if unknown := set(names) - set(FAULTS):
        raise SystemExit(f"no such fault: {', '.join(sorted(unknown))}")
    return names


def main(arguments: list[str]) -> int:
    """Run, and tell."""
    given = parsed(arguments)
    settings = Settings(
        seconds=given.minutes * 60,
        seed=given.seed,
        workers=given.workers,
        variant=given.variant,
        faults=named_faults(given.faults),
        persistence=given.persistence,
        until_caught=given.until_caught,
        eager_tasks=given.eager_tasks,
    )
    folder = Path(mkdtemp(prefix="coherence-"))
    report = asyncio.run(conduct(settings, folder))
    told = [*report.lines(), *(report.rates() if given.rate_report else ())]
    if not report.is_clean:
        told.append(f"The logs are kept in {folder}")
    else:
        shutil.rmtree(folder)
    sys.stdout.write("\n".join(told) + "\n")
    return 0 if report.is_clean else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
