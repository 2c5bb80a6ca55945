"""Runs the benchmarks of this folder one after the other.

    python -m bench [NAME ...] [OPTION ...]

A benchmark is a module of this folder that can be run by itself. Each runs in
a process of its own, so that none inherits a loop, a heap or an import. Without
names, all run; what begins with a dash, and what follows it, goes to each.
"""

import itertools
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
RUNNABLE = 'if __name__ == "__main__":'


def benchmarks() -> list[str]:
    """The names of all there are."""
    files = sorted(FOLDER.glob("*.py"))
    return [file.stem for file in files if file.stem != "__main__" and RUNNABLE in file.read_text()]


def run(name: str, options: list[str]) -> bool:
    """Run one; whether it succeeded."""
    print(f"\n== {name}\n", flush=True)
    return subprocess.run([sys.executable, "-m", f"bench.{name}", *options], check=False).returncode == 0


def main(arguments: list[str]) -> int:
    """Run those that are named, or all; return the number of those that failed."""
    names = list(itertools.takewhile(lambda argument: not argument.startswith("-"), arguments))
    options = arguments[len(names) :]
    return sum(not run(name, options) for name in names or benchmarks())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
