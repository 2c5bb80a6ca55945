"""Reconciler beside its two sources read alone: seconds, CPU, memory.

    python -m bench.reconcile [--layers 100000] [--repeats 3] [--root DIR]

Writes a tree of so many layers, a blob and a link each, and fills a redis-server
of its own with a membership, a meta and a media type for each; one layer of a
thousand is in the cache alone, and one in the tree alone. Then, in turn, each in a
process of its own: the driver lists the tree, the bare wire reads the Redis, the
Reconciler does both and compares. The tree is listed once before, for the kernel
to know it. A million layers are four million inodes, and
take some minutes to be written; with --root the tree is left there, and used
again if it is as large.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from bench.reconcile_parts.registry import fill, write_tree
from bench.reconcile_parts.worker import WORK
from tests.servers import find_servers, running

PIECE = 10_000  # layers written by one task


def tree(root: Path, layers: int) -> None:
    """Have a tree of so many layers at *root*, or find it there."""
    mark = root / "layers"
    if mark.is_file() and int(mark.read_text()) == layers:
        return
    pieces = [range(start, min(start + PIECE, layers)) for start in range(0, layers, PIECE)]
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(partial(write_tree, root), pieces))
    mark.write_text(str(layers))


def measure(what: str, root: Path, url: str) -> dict[str, float]:
    """The figures of one run."""
    command = [sys.executable, "-m", "bench.reconcile_parts.worker", what, str(root), url]
    figures: dict[str, float] = json.loads(subprocess.check_output(command))
    return figures


def compare(root: Path, url: str, repeats: int) -> None:
    """Run each so many times, in turn, and print the medians."""
    measure("list", root, url)
    runs: dict[str, list[dict[str, float]]] = {what: [] for what in WORK}
    for _ in range(repeats):
        for what, figures in runs.items():
            figures.append(measure(what, root, url))
    print(f"{'':12}{'seconds':>10}{'min':>8}{'max':>8}{'CPU s':>8}{'MiB more':>10}")
    for what, figures in runs.items():
        seconds = [run["seconds"] for run in figures]
        cpu, growth = (statistics.median(run[key] for run in figures) for key in ("cpu", "growth"))
        print(
            f"{what:12}{statistics.median(seconds):10.1f}{min(seconds):8.1f}{max(seconds):8.1f}{cpu:8.1f}{growth:10.0f}"
            f"  {figures[-1]['found']}"
        )
    ratios = [
        reconcile["seconds"] / (listing["seconds"] + scan["seconds"])
        for listing, scan, reconcile in zip(*runs.values(), strict=True)
    ]
    shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"\nreconcile / (list + scan): {statistics.median(ratios):.2f}, by rounds {shown}", flush=True)


def main() -> None:
    """Write, fill, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--layers", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--root", type=Path)
    asked = parser.parse_args()
    program = next(iter(find_servers().values()))
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        root: Path = asked.root or Path(name) / "tree"
        tree(root, asked.layers)
        with running(program, Path(name)) as server:
            asyncio.run(fill(server.url, asked.layers))
            print(f"{asked.layers:,} layers, {asked.repeats} runs each\n", flush=True)
            compare(root, server.url, asked.repeats)


if __name__ == "__main__":
    main()
