"""Clients that ask one after the other, each on a connection of its own.

Not wrk: it waits for the body that the answer to a HEAD announces and does not have.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from random import Random
from typing import NamedTuple


class Outcome(NamedTuple):
    """What a load run showed.

    Attributes:
        rate: Requests answered per second.
        median: Of the times that they took, in milliseconds.
        p99: The 99th of a hundred of these times.
        count: Of the requests.
    """

    rate: float
    median: float
    p99: float
    count: int


async def load(port: int, paths: Sequence[str], clients: int, seconds: float) -> Outcome:
    """Have *clients* send HEAD requests for *paths*, chosen at random, for so many *seconds*."""
    begin = time.perf_counter()
    end = begin + seconds
    asked = [client(port, chosen(paths, Random(number)), end) for number in range(clients)]
    times = sorted(spent for each in await asyncio.gather(*asked) for spent in each)
    rate = len(times) / (time.perf_counter() - begin)
    return Outcome(rate, times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000, len(times))


def chosen(paths: Sequence[str], random: Random) -> Iterator[str]:
    """Some of *paths*, for ever."""
    while True:
        yield random.choice(paths)


async def once(port: int, paths: Sequence[str]) -> None:
    """Ask for each of *paths*, so that whoever remembers knows it."""
    await client(port, islice(paths, None), float("inf"))


async def client(port: int, paths: Iterator[str], end: float) -> list[float]:
    """Send one request after the other until *end*, and return the seconds that each took."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    times = []
    for path in paths:
        begin = time.perf_counter()
        if begin >= end:
            break
        writer.write(f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200"), answer
        times.append(time.perf_counter() - begin)
    writer.close()
    await writer.wait_closed()
    return times
