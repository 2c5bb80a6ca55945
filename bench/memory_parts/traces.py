"""What registries are asked for, made by rule from a seed."""

import itertools
import random
from collections.abc import Iterator

CATALOGUE = 20_000  # The layers that are pulled more than once.
LENGTH = 300_000  # Pulls in a trace.
ALPHA = 0.9  # How steeply popularity falls: the n-th layer is pulled n**-ALPHA as often as the first.
WONDERS = 0.3  # The share of pulls of a layer that nobody pulls again.
PERIOD = 30_000  # Pulls, after which somebody copies a part of the registry: nine times in a trace.
SWEEP = CATALOGUE // 5

Trace = list[int]


def zipf(seed: int, alpha: float = ALPHA) -> Trace:
    """Pulls whose popularity falls by Zipf's law."""
    rng = random.Random(seed)
    layers = list(range(CATALOGUE))
    rng.shuffle(layers)
    weights = itertools.accumulate((rank + 1) ** -alpha for rank in range(CATALOGUE))
    return rng.choices(layers, cum_weights=list(weights), k=LENGTH)


def registry(seed: int, alpha: float = ALPHA) -> Trace:
    """The same, among layers that are pulled once, and with sweeps through a fifth of the catalogue."""
    rng = random.Random(seed)
    pulls, wonders = iter(zipf(seed, alpha)), itertools.count(CATALOGUE)
    trace: Trace = []
    while len(trace) < LENGTH:
        if trace and len(trace) % PERIOD == 0:
            trace += sweep(rng)
        trace.append(next(wonders) if rng.random() < WONDERS else next(pulls))
    return trace[:LENGTH]


def sweep(rng: random.Random) -> Iterator[int]:
    """Every layer of a fifth of the catalogue, one after the other."""
    first = rng.randrange(CATALOGUE)
    return ((first + step) % CATALOGUE for step in range(SWEEP))


TRACES = {"Zipf": zipf, "Zipf, wonders, sweeps": registry}
