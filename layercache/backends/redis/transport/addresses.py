"""Addresses: from the name of a host to what is connected first.

A look-up cannot be stopped, and where the name service hangs it takes as long as
that wants. So it runs in a thread of its own: the loop's executor is the
application's, and `asyncio.run` waits for its end. An attempt that is over
leaves its look-up to the next, which waits for the same: there is one thread
for a name, however many attempts there are.

A name may have several addresses, of which some are dead and do not say so.
Each is tried a little after the one before, whether that has failed or not, and
the first that connects is taken. (`create_connection` of asyncio does that, too,
but not that of uvloop. And a socket that was connected by uvloop's `sock_connect`
crashes a forked child, so each attempt is a `create_connection` to one address.)

Source: RFC 8305, "Happy Eyeballs Version 2", sections 4 and 5.
Limit: what redis-py looks up to reach a Sentinel, it looks up by itself.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from itertools import chain, zip_longest
from typing import TypeVar

T = TypeVar("T")

DELAY = 0.25  # seconds between the beginnings of two attempts, at most

# As socket.getaddrinfo has it: family, kind, protocol, name, address.
Address = tuple[int, int, int, str, tuple[str | int, ...]]


class Resolver:
    """Look-ups of names, one at a time for each."""

    def __init__(self) -> None:
        self._lookups: dict[tuple[str, int], Future[Sequence[Address]]] = {}

    async def addresses(self, host: str, port: int) -> list[Address]:
        """Return where *host* is; the look-up that was begun before, if nobody has heard of its end.

        Raises:
            OSError: It has no address, or the name service is out of order.
        """
        lookup = self._lookups.get((host, port))
        if lookup is None:
            lookup = self._lookups[host, port] = _begin(host, port)
        try:
            return _alternating(await asyncio.wrap_future(lookup))
        finally:
            if lookup.done():
                self._lookups.pop((host, port), None)


def _begin(host: str, port: int) -> "Future[Sequence[Address]]":
    lookup: Future[Sequence[Address]] = Future()
    lookup.set_running_or_notify_cancel()  # so that who gives up waiting does not end it

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except Exception as error:  # noqa: BLE001 - who waits is to hear of it, whatever it was
            lookup.set_exception(error)
        else:
            lookup.set_result(found)  # type: ignore[arg-type]  # an address is (str, int) or longer

    threading.Thread(target=look_up, name=f"look-up of {host}", daemon=True).start()
    return lookup


def _alternating(addresses: Sequence[Address]) -> list[Address]:
    """*addresses*, one of each family after the other."""
    families = dict.fromkeys(address[0] for address in addresses)
    groups = [[address for address in addresses if address[0] == family] for family in families]
    return [address for address in chain.from_iterable(zip_longest(*groups)) if address is not None]


async def connect(
    addresses: Sequence[Address],
    seconds: float,
    attempt: Callable[[Address], Coroutine[object, object, T]],
    abandon: Callable[[T], object],
) -> T:
    """Return what the first *attempt* that succeeds returns; each address is tried within *seconds*.

    What another attempt returned in the same turn is given to *abandon*.

    Raises:
        OSError: None can be connected.
    """
    delay = min(DELAY, seconds / (len(addresses) + 1))
    attempts: set[asyncio.Task[T]] = set()
    failures: list[BaseException] = []
    waiting = list(addresses)
    try:
        while waiting or attempts:
            if waiting:
                attempts.add(asyncio.create_task(attempt(waiting.pop(0))))
            ended, _ = await asyncio.wait(
                attempts, timeout=delay if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for one in ended:
                attempts.discard(one)
                failure = one.exception()
                if failure is None:
                    return one.result()
                failures.append(failure)
    finally:
        await _end(attempts, abandon)
    raise OSError("; ".join(dict.fromkeys(map(str, failures))) or "the name has no address")


async def _end(attempts: "set[asyncio.Task[T]]", abandon: Callable[[T], object]) -> None:
    """End *attempts*, of which some may have connected in the turn in which another was taken."""
    for attempt in attempts:
        attempt.cancel()
    if attempts:
        await asyncio.wait(attempts)
    for attempt in attempts:
        if not attempt.cancelled() and attempt.exception() is None:
            abandon(attempt.result())
