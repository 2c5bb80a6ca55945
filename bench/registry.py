"""HEAD blob on the example registry, with each cache, and on Debian's; our storage takes 20 ms a question.

    python -m bench registry
    python -m bench.registry --seconds 4 --clients 32 --rounds 5

The registry is one process of uvicorn, as the example runs it; "Go" is Debian's
docker-registry over the same tree, on a disk that is not slowed down, with its
cache in memory and in the same Redis. The load comes from hey (Debian's package
of that name), up to eight of it; all on the loopback interface. Each cache knows
all blobs before it is measured, as after the first pulls, and answers (`--heads
cached`), but for two rows: "confirmed" asks the storage each time, as the
example does by itself, and "one flight" keeps nothing, but those who ask for
one blob at a time still share one question. "first" counts what the storage was
asked until then, "then" what it was asked while the load ran. "CPU" is
what the registry's process took of it for a request, which does not depend on who
else uses the machine. The rounds are interleaved, and what is shown is the median.
"""

import argparse
import contextlib
import hashlib
import json
import re
import shutil
import statistics
import sys
import tempfile
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.registry_parts.load import load, require_hey
from layercache import parse_digest
from layercache.storage.layout import data_path, layer_link_path
from tests.servers import find_servers, free_port
from tests.servers import running as running_redis
from tests.storage.servers import running

REPO = "library/bench"


class Run(NamedTuple):
    """What one load on one cache showed; with what the storage was asked before it, and while it ran."""

    rate: float
    median: float
    p99: float
    cpu: float
    first: int
    then: int


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description="Load on the example registry.")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each load")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 32, 64])
    parser.add_argument("--blobs", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    require_hey()
    with tempfile.TemporaryDirectory() as root, tempfile.TemporaryDirectory(prefix="redis-") as data:
        paths = make_tree(Path(root), options.blobs)
        with running_redis(max(find_servers().items())[1], Path(data)) as server:
            tiered = f"{server.url}?near={2 * options.blobs}"
            caches = {
                "one flight": "none",
                "confirmed": "confirmed",
                "memory": "memory://",
                "redis": server.url,
                "tiered": tiered,
                **go_caches(server.port),
            }
            runs: dict[tuple[int, str], list[Run]] = defaultdict(list)
            for _ in range(options.rounds):
                for name, url in caches.items():
                    server.ask("FLUSHALL")
                    with serving(root, url) as (port, process):
                        first = warmed(port, paths)
                        for clients in options.clients:
                            run = measured(port, process, paths, clients, options.seconds)
                            runs[clients, name].append(run._replace(first=first))
    show(runs)


def go_caches(redis_port: int) -> dict[str, str]:
    """The caches of Debian's registry, if it is installed."""
    if shutil.which("docker-registry") is None:
        print("Debian's package docker-registry is not installed, so it is left out.")
        return {}
    return {"Go memory": "go:", "Go redis": f"go:127.0.0.1:{redis_port}"}


def make_tree(root: Path, blobs: int) -> list[str]:
    """Write so many blobs, and return the paths by which they are asked for."""
    paths = []
    for number in range(blobs):
        content = str(number).encode()
        dgst = parse_digest(f"sha256:{hashlib.sha256(content).hexdigest()}")
        for path, written in ((data_path(dgst), content), (layer_link_path(REPO, dgst), dgst.encode())):
            file = root / path.removeprefix("/")
            file.parent.mkdir(parents=True)
            file.write_bytes(written)
        paths.append(f"/v2/{REPO}/blobs/{dgst}")
    return paths


@contextlib.contextmanager
def serving(root: str, cache: str) -> Iterator[tuple[int, psutil.Process]]:
    """Run the registry, and give its port and its process."""
    port = free_port()
    kind, _, redis = cache.partition(":")
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as config:
        if kind == "go":
            config.write(go_config(root, port, redis))
            config.flush()
            command = ["docker-registry", "serve", config.name]
        else:
            server = "bench.registry_parts.server"
            command = [sys.executable, "-m", server, Path(root).as_uri(), str(port), cache]
        with running(command, port) as process:
            yield port, psutil.Process(process.pid)


def go_config(root: str, port: int, redis: str) -> str:
    """What Debian's registry reads; YAML reads JSON, too."""
    cache = {"blobdescriptor": "redis" if redis else "inmemory"}
    config = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": root}, "cache": cache},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    return json.dumps(config | ({"redis": {"addr": redis}} if redis else {}))


def warmed(port: int, paths: list[str]) -> int:
    """Ask for each blob once, and return what the storage was asked."""

    def ask(path: str) -> None:
        urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{port}{path}", method="HEAD")
        ).close()

    with ThreadPoolExecutor(16) as clients:
        list(clients.map(ask, paths))
    return questions(port)


def measured(port: int, process: psutil.Process, paths: list[str], clients: int, seconds: float) -> Run:
    """Have so many clients ask for that long."""
    before, cpu_before = questions(port), cpu(process)
    rate, median, p99, count = load(port, paths, clients, seconds)
    spent = (cpu(process) - cpu_before) / count * 1000
    return Run(rate, median, p99, spent, first=0, then=questions(port) - before)


def cpu(process: psutil.Process) -> float:
    """The seconds of a processor that it has used."""
    times = process.cpu_times()
    return float(times.user + times.system)


def questions(port: int) -> int:
    """What the storage was asked so far, as the status page says; 0 for Debian's, which has none."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as page:
        found = re.search(r"id='questions'>(\d+)<", page.read().decode())
    return 0 if found is None else int(found[1])


def show(runs: Mapping[tuple[int, str], list[Run]]) -> None:
    """Print the medians of the rounds."""
    print("clients cache       requests/s   median ms      p99 ms    CPU ms   asked first   asked then")
    for (clients, name), rounds in sorted(runs.items(), key=lambda item: item[0][0]):
        rate, median, p99, spent, first, then = map(statistics.median, zip(*rounds, strict=True))
        times, asked = f"{median:>11.2f} {p99:>11.2f} {spent:>9.2f}", f"{first:>13,.0f} {then:>12,.0f}"
        print(f"{clients:>7} {name:<10} {rate:>11,.0f} {times} {asked}")


if __name__ == "__main__":
    main()
