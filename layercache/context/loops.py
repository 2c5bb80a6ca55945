"""Loops: what belongs to one event loop of one process, and says so elsewhere.

A connection, and whoever waits for its replies, belong to the event loop in
which it was opened. Elsewhere there is harm to be done:

    a second loop    its tasks cannot wait for the first one's futures, and two
                     threads would mix up the order of commands
    a forked child   it has a copy of the socket, so each reply goes to whichever
                     of the two processes reads first
    trio             has no event loop of asyncio

So each use elsewhere raises an error before a byte is written. A fork is told
by Python (`os.register_at_fork`), in the child and before anything else of it
runs. To ask the kernel for the process at each call would cost 0.2 us of 4, and
come too late where the child goes on in a copy of the running loop: there asyncio
reads from the socket by itself.

Limits: a fork that is made without Python is not told, and neither is a second
loop that only ever looks at what is in memory. A second thread that calls while
the first one's turn of the loop collects its commands is told only after its
command was sent: to look at each call costs 2 % of a read. A child that goes on in a copy
of its parent's running loop shares that loop's selector, too; asyncio does not
work there, whatever a cache does.
"""

import asyncio
import os
import socket
from contextlib import suppress
from functools import cache
from typing import Protocol
from weakref import WeakSet

from layercache.errors import EventLoopError


class Forkable(Protocol):
    """What must not be used in a forked child as it is."""

    def forked(self) -> None:
        """Take notice that this process is a copy of the one in which this was made."""


def running_loop() -> asyncio.AbstractEventLoop:
    """The event loop that runs.

    Raises:
        EventLoopError: There is none.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise EventLoopError(
            "no event loop of asyncio runs here: layercache works on asyncio alone, and not under trio"
        ) from None


def second_loop(what: object) -> EventLoopError:
    """The error that *what* belongs to another event loop than the one that runs."""
    return EventLoopError(
        f"{what} belongs to another event loop, in which it was first used: "
        "make a cache for each event loop, in a coroutine that runs in it"
    )


def forked_process(what: object) -> EventLoopError:
    """The error that *what* belongs to the parent of this process."""
    return EventLoopError(
        f"{what} belongs to the process that first used it, and this one was forked from it: make the "
        "cache after the fork, in the application's lifespan or at its start, or use it only after that"
    )


class LoopBinding:
    """Binds a thing to the event loop, of one process, in which it is first used."""

    def __init__(self, what: str) -> None:
        """Bind what an error calls *what*."""
        self._what = what
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_forked = False

    def require(self) -> None:
        """Return in that loop; the first call decides which it is.

        Raises:
            EventLoopError: This is another loop or another process, or no loop runs.
        """
        if self._is_forked:
            raise forked_process(self._what)
        if self._loop is None:
            self._loop = running_loop()
            tell_of_forks(self)
        elif self._loop is not running_loop():
            raise second_loop(self._what)

    @property
    def is_gone(self) -> bool:
        """Whether nothing of that loop can be used any more: it is closed, or its process is another."""
        return self._is_forked or (self._loop is not None and self._loop.is_closed())

    def forked(self) -> None:
        """In a forked child: remember that the loop is the parent's."""
        self._is_forked = True


async def give_way() -> None:
    """Let all else run that is ready: who fails without having waited may be asked again at once."""
    with suppress(EventLoopError):  # An await of asyncio's would be another error where there is no loop.
        running_loop()
        await asyncio.sleep(0)


def sever(descriptor: int) -> None:
    """In a forked child: put a dead socket in the place of *descriptor*, whose connection is the parent's."""
    ended, ours = socket.socketpair()
    with ended, ours:
        os.dup2(ours.fileno(), descriptor, inheritable=False)


def tell_of_forks(member: Forkable) -> None:
    """From now on have *member* told, in each child that is forked from this process, as long as it lives."""
    _members().add(member)


@cache
def _members() -> "WeakSet[Forkable]":
    """Who is told; made when first asked for, since Python cannot be asked to tell nobody any more."""
    members: WeakSet[Forkable] = WeakSet()

    def tell() -> None:
        for member in list(members):
            member.forked()

    os.register_at_fork(after_in_child=tell)
    return members
