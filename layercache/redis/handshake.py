"""Handshake: from a URL to a connection that is greeted.

redis-py reads the URL and the settings, makes the TLS context, holds the
credentials and finds the master through Sentinel, all by its public API: a
`Connection` of its pool is made for each attempt, never connected, and read as
a record of settings. The socket is ours from the first byte. (To let redis-py
connect and to take its transport over works too, but needs private attributes
and can leave bytes in a foreign reader.)

The greeting is one burst, so that a connection costs two round trips. The
protocol is always RESP3, whatever `protocol` the URL names.

Limit: what bounds an operation is its context and the link's heartbeat; of the
time limits of redis-py, only `socket_connect_timeout` has a meaning here.
"""

import asyncio
import inspect
import ssl
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Self
from urllib.parse import SplitResult, urlsplit

from redis.asyncio import Connection, ConnectionPool, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.sentinel import SentinelConnectionPool, SentinelManagedConnection
from redis.exceptions import RedisError

from layercache.errors import BackendUnavailableError, InvalidArgumentError
from layercache.redis.replies import ReplyFault
from layercache.redis.wire import Wire, pack

CONNECT_SECONDS = 2.0  # if the settings do not say
LIBRARY = "layercache"
DISTRIBUTION = "oci-layercache"
DEFAULT_USER = "default"

Command = tuple[str, ...]


class Handshake:
    """An opener of connections to the server, or the master, that a pool of redis-py describes."""

    def __init__(self, pool: ConnectionPool, *greeting: Command) -> None:
        """Make an opener.

        Args:
            pool: Read for its settings, and asked for the master's address if
                it is a Sentinel's; no connection of it is used.
            *greeting: Commands that each connection begins with; one that fails
                fails the attempt. Only a `SCRIPT LOAD` that the access list
                forbids does not: who needs the script sends its text.

        Raises:
            InvalidArgumentError: A setting is unknown to redis-py, or is wrong.
        """
        self._pool = pool
        self._greeting = greeting
        self._library_version = version(DISTRIBUTION)
        try:
            self._name = _name(self._settings())
        except (TypeError, ValueError, RedisError) as error:
            raise InvalidArgumentError(f"settings of a connection: {error}") from error

    @classmethod
    def from_url(cls, url: str, *greeting: Command) -> Self:
        """Make an opener from *url*: `redis://`, `rediss://` or `unix://`, in redis-py's grammar.

        Raises:
            InvalidArgumentError: redis-py makes no sense of *url*.
        """
        split_url(url)
        try:
            pool = ConnectionPool.from_url(url)
        except (TypeError, ValueError) as error:
            raise InvalidArgumentError(f"url of a Redis: {error}") from error
        return cls(pool, *greeting)

    async def __call__(self, make_wire: Callable[[], Wire]) -> Wire:
        """Connect and greet.

        Raises:
            BackendUnavailableError: It could not be connected, or not in time;
                or what Sentinel calls the master says that it is none.
            ReplyFault: The server refuses the greeting.
        """
        settings = self._settings()
        seconds = self._pool.connection_kwargs.get("socket_connect_timeout") or CONNECT_SECONDS
        try:
            async with asyncio.timeout(seconds):
                wire = await self._connect(settings, make_wire)
                try:
                    await self._greet(settings, wire)
                except BaseException:
                    wire.leave("it was not greeted")
                    await asyncio.wait([wire.ended])
                    raise
        except TimeoutError as error:
            raise BackendUnavailableError(f"{self._name}: no connection within {seconds} s") from error
        except (OSError, RedisError) as error:
            raise BackendUnavailableError(f"{self._name}: {error}") from error
        return wire

    def _settings(self) -> AbstractConnection:
        """The settings as they are now: a certificate may have been renewed since the last attempt."""
        settings = self._pool.make_connection()  # type: ignore[no-untyped-call]
        assert isinstance(settings, AbstractConnection)
        return settings

    async def _connect(self, settings: AbstractConnection, make_wire: Callable[[], Wire]) -> Wire:
        loop = asyncio.get_running_loop()
        if isinstance(settings, UnixDomainSocketConnection):
            return (await loop.create_unix_connection(make_wire, settings.path))[1]
        if isinstance(self._pool, SentinelConnectionPool):
            host, port = await _master(self._pool)
        else:
            assert isinstance(settings, Connection)
            host, port = settings.host, settings.port
        return (await loop.create_connection(make_wire, host, port, ssl=_tls(settings)))[1]

    async def _greet(self, settings: AbstractConnection, wire: Wire) -> None:
        commands = [*self._session(settings, await _credentials(settings)), *self._greeting]
        replies = await wire.call("".join(pack(*command) for command in commands), len(commands))
        assert isinstance(replies, list)
        for command, reply in zip(commands, replies, strict=True):
            if isinstance(reply, ReplyFault) and not _is_harmless(command, reply):
                raise reply
        if isinstance(self._pool, SentinelConnectionPool) and replies[0][b"role"] != b"master":
            raise BackendUnavailableError(f"{self._name}: the server that Sentinel names is no master")

    def _session(self, settings: AbstractConnection, credentials: Command) -> Iterator[Command]:
        auth = ("AUTH", *credentials) if credentials else ()
        name = ("SETNAME", settings.client_name) if settings.client_name else ()
        yield ("HELLO", "3", *auth, *name)
        yield ("CLIENT", "SETINFO", "LIB-NAME", LIBRARY)
        yield ("CLIENT", "SETINFO", "LIB-VER", self._library_version)
        if int(settings.db or 0):
            yield ("SELECT", str(settings.db))

    def __repr__(self) -> str:
        return f"<Handshake with {self._name}>"


def split_url(url: str) -> SplitResult:
    """Return the parts of *url*.

    Raises:
        InvalidArgumentError: It has none; what it says is not repeated, for it may be a password.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise InvalidArgumentError(
            "the host and the port of a URL cannot be read; is a sign in its password not percent-encoded?"
        ) from None
    return parts


def _is_harmless(command: Command, fault: ReplyFault) -> bool:
    """Whether a connection is as good without *command*, which the server answered by *fault*."""
    match command:
        case "CLIENT", "SETINFO", *_:  # Since 7.2.
            return True
        case "SCRIPT", "LOAD", *_:
            return fault.code == "NOPERM"
    return False


def _name(settings: AbstractConnection) -> str:
    """How messages call the server: without its credentials."""
    if isinstance(settings, UnixDomainSocketConnection):
        return f"unix:{settings.path}"
    if isinstance(settings, SentinelManagedConnection):
        return f"sentinel:{settings.connection_pool.service_name}"
    assert isinstance(settings, Connection)
    return f"{settings.host}:{settings.port}"


async def _master(pool: SentinelConnectionPool) -> tuple[str, int]:
    """Where the master is; a Sentinel that keeps us waiting until the time is over is asked last next time.

    redis-py asks one that is dead ten times, with growing pauses, before it asks another.
    """
    try:
        host, port = await pool.get_master_address()  # type: ignore[no-untyped-call]
    except asyncio.CancelledError:
        sentinels = pool.sentinel_manager.sentinels
        sentinels.append(sentinels.pop(0))
        raise
    return host, port


def _tls(settings: AbstractConnection) -> ssl.SSLContext | None:
    return settings.ssl_context.get() if isinstance(settings, SSLConnection) else None


async def _credentials(settings: AbstractConnection) -> Command:
    """User and password, or nothing."""
    provider = settings.credential_provider
    if provider is None:
        if not (settings.username or settings.password):
            return ()
        return settings.username or DEFAULT_USER, settings.password or ""
    # redis-py 5.0 has only the one that is not a coroutine.
    found = getattr(provider, "get_credentials_async", provider.get_credentials)()
    words = tuple(await found if inspect.isawaitable(found) else found)
    return words if len(words) == 2 else (DEFAULT_USER, *words)
