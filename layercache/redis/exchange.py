"""Exchange: from commands to answers, over a link that may break and a server that may refuse.

What is sent once more when its connection was lost, and may have been carried
out already:

    a read          it changes nothing
    a lease         with another token; the first, if it was stored, is shared or expires
    a fill          its token was dropped with what it stored: the second is refused
    a removal       it clears again; when it is announced, with another marker: the first expires
    a plain word    never: a removal may have come between, and it would undo that

Never more than once: a link that breaks twice in a row is for the caller to know.

A reply is decoded by who awaits it; a decoder takes an error reply as well, and
raises what the caller is to hear. `RedisCache` says its three shortest words
without `ask` as long as all goes well, and comes here when it does not.

What failed is told one turn of the loop later. While there is no connection, a
question fails without having waited, and who asks again at once would keep the
loop from all else: from the deadline of that very caller, and from connecting.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn, TypeVar

from layercache.context import Context
from layercache.errors import LayerCacheError, NotFoundError
from layercache.loops import give_way, running_loop, second_loop
from layercache.redis.commands import Command
from layercache.redis.link import Link
from layercache.redis.replies import LEAVE, ReplyFault
from layercache.redis.schema import NonsenseError, unreadable
from layercache.redis.scripts import with_text, without_wrapping
from layercache.redis.turns import Turns
from layercache.redis.wire import LinkLost, Wire

K = TypeVar("K")
T = TypeVar("T")


async def twice(attempt: Callable[[], Awaitable[T]]) -> T:
    """Await *attempt*, and once more if its connection was lost; each makes its own tokens."""
    try:
        return await attempt()
    except LinkLost:
        return await attempt()


class Exchange:
    """The one way to the wire."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._turns = Turns()

    async def ask(  # noqa: PLR0913, PLR0917 - to be called by position costs a read least
        self,
        ctx: Context,
        text: str,
        replies: int,
        decode: Callable[[K, object], T],
        about: K,
        again: bool = True,
    ) -> T:
        """Send *text* and return what *decode* makes of the reply.

        Args:
            ctx: How long to wait.
            text: RESP of as many commands as there are *replies*.
            replies: How many; one is decoded as itself, several as a list.
            decode: Given *about* and the reply, returns the answer or raises.
                An error reply is a `ReplyFault` in its place.
            about: What was asked for.
            again: Whether it may be sent once more if the connection is lost.

        Raises:
            ContextError: *ctx* ended first. What was sent may be carried out.
            BackendUnavailableError: There is no connection, or it was lost.
        """
        wire = self._link.wire
        try:
            if wire is None:
                wire = await ctx.run(self._link.ready())
            future = wire.call(text, replies)
            ctx.bind(future)
            try:
                reply = await future
            except ReplyFault as fault:
                reply = fault
            return decode(about, reply)
        except LinkLost as lost:
            if not again:
                await refuse(lost, wire)
        except Exception as trouble:  # noqa: BLE001 - whatever it is, the caller hears an error of ours
            await refuse(trouble, wire)
        return await self.ask(ctx, text, replies, decode, about, again=False)

    async def ask_about_many(  # noqa: PLR0913, PLR0917 - as `ask`
        self,
        ctx: Context,
        size: int,
        text: str,
        replies: int,
        decode: Callable[[K, object], T],
        about: K,
    ) -> T:
        """As `ask`, about *size* layers at once, when it is the turn of that many."""
        async with self._turns.of(ctx, size):
            return await self.ask(ctx, text, replies, decode, about)

    async def send(self, ctx: Context, commands: Sequence[Command]) -> list[object]:
        """Send *commands* in one burst, once, and return their replies.

        A script that the server does not have is sent to it, for that step
        alone: the others have been carried out.

        Raises:
            BackendError: One of them was refused; others may have been carried out.
        """
        replies = await self._burst(ctx, commands)
        missing = [index for index, reply in enumerate(replies) if _is_no_script(reply)]
        if missing:
            full = await self._burst(ctx, [with_text(commands[index]) for index in missing])
            for index, reply in zip(missing, full, strict=True):
                replies[index] = reply
        return replies

    async def _burst(self, ctx: Context, commands: Sequence[Command]) -> list[object]:
        text = "".join(command.text for command in commands)
        return await self.ask(ctx, text, len(commands), _to_replies, commands, again=False)


def _to_replies(commands: Sequence[Command], reply: object) -> list[object]:
    """The replies to *commands*; NOSCRIPT is the only error that stays."""
    replies = [reply] if len(commands) == 1 else reply
    if not isinstance(replies, list) or len(replies) != len(commands):
        raise unreadable(commands[0].key, reply)
    for command, one in zip(commands, replies, strict=True):
        if isinstance(one, ReplyFault):
            if not _is_no_script(one):
                raise unreadable(command.key, without_wrapping(one))
        elif type(one) is not command.reply and not (one is None and command.reply is bytes):
            raise unreadable(command.key, one)
    return replies


def _is_no_script(reply: object) -> bool:
    return isinstance(reply, ReplyFault) and reply.code == "NOSCRIPT"


async def refuse(trouble: Exception, wire: Wire | None, key: str = "") -> NoReturn:
    """Raise, a turn of the loop later, what the caller is to hear of *trouble*.

    *wire* is left if that says that it must be.

    Args:
        trouble: What came in place of an answer over *wire*.
        wire: Where it came from; None if there was no connection.
        key: What was asked for, if *trouble* is an error reply.
    """
    if isinstance(trouble, NotFoundError):
        raise trouble  # A miss is an answer.
    await give_way()
    if isinstance(trouble, ReplyFault):
        error: LayerCacheError = unreadable(key, trouble)
    elif isinstance(trouble, LayerCacheError):
        error = trouble
    elif wire is not None and wire.loop is not running_loop():
        raise second_loop(
            wire
        ) from trouble  # asyncio noticed it, since the call came amid a turn of that loop
    else:
        error = NonsenseError(f"no answer to {key or 'a command'}: {trouble!r:.100}")
        error.__cause__ = trouble
    fault = error.__cause__
    if wire is not None and (
        isinstance(error, NonsenseError) or (isinstance(fault, ReplyFault) and fault.code in LEAVE)
    ):
        wire.leave(str(error))
    raise error
