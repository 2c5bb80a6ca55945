"""Handshake: from a URL to a connection that is greeted.

redis-py reads the URL and the settings, makes the TLS context, holds the
credentials and finds the master through Sentinel, all by its public API: a
`Connection` of its pool is made for each attempt, never connected, and read as
a record of settings. The socket is ours from the first byte. (To let redis-py
connect and to take its transport over works too, but needs private attributes
and can leave bytes in a foreign reader.)

The greeting is one burst, so that a connection costs two round trips, and it is
read: what answers `HELLO 3` by another protocol than 3, a proxy perhaps, would
never push. The protocol is always RESP3, whatever `protocol` the URL names.
Names of hosts are verified, whatever the version of redis-py has for a default.

Limit: what bounds an operation is its context and the link's heartbeat; of the
time limits of redis-py, only `socket_connect_timeout` has a meaning here.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Self, TypeVar

from redis.asyncio import Connection, ConnectionPool, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.sentinel import SentinelConnectionPool, SentinelManagedConnection
from redis.exceptions import RedisError

from layercache.backends.redis.resp import ReplyFault, pack
from layercache.backends.redis.transport.addresses import Address, Resolver, connect
from layercache.backends.redis.transport.credentials import credentials_of
from layercache.backends.redis.transport.greeting import Command, is_harmless, refusal, require_resp3, session
from layercache.backends.redis.transport.wire import Wire
from layercache.errors import BackendError, BackendUnavailableError, InvalidArgumentError
from layercache.secrecy import quotes, sealed, without_frames
from layercache.url_options import split_url

CONNECT_SECONDS = 2.0  # if the settings do not say
DISTRIBUTION = "oci-layercache"
SECRETS = ("password", "ssl_password")  # the settings of redis-py that are
FALSE = frozenset({"0", "f", "false", "n", "no", "off", ""})  # as text in a URL

E = TypeVar("E", bound=Exception)


class Handshake:
    """An opener of connections to the server, or the master, that a pool of redis-py describes."""

    @sealed
    def __init__(self, pool: ConnectionPool, *greeting: Command) -> None:
        """Make an opener.

        Args:
            pool: Read for its settings, and asked for the master's address if
                it is a Sentinel's; no connection of it is used.
            *greeting: Commands that each connection begins with; one that fails
                fails the attempt. Only a `SCRIPT LOAD` that the server does not
                take does not: who needs the script sends its text.

        Raises:
            InvalidArgumentError: A setting is unknown to redis-py, or is wrong.
        """
        self._pool = pool
        self._greeting = greeting
        self._library_version = version(DISTRIBUTION)
        self._resolver = Resolver()
        try:
            self._name = _name(self._settings())
        except (TypeError, ValueError, RedisError) as error:
            text = f"settings of a connection: {self._text(error)}"
            failure = self._caused(InvalidArgumentError(text), error)
        else:
            return
        raise failure

    @classmethod
    @sealed
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
            BackendError: It does not speak RESP3.
            ReplyFault: The server refuses the greeting.
        """
        seconds = self._pool.connection_kwargs.get("socket_connect_timeout") or CONNECT_SECONDS
        try:
            async with asyncio.timeout(seconds):
                return await self._open(make_wire, seconds)
        except TimeoutError as error:
            late = BackendUnavailableError(f"{self._name}: no connection within {seconds} s")
            failure: Exception = self._caused(late, error)
        except Exception as error:  # noqa: BLE001 - whatever it was, it is raised below
            is_ours = isinstance(error, (ReplyFault, BackendError))
            failure = without_frames(error) if is_ours else self._unavailable(error)
        except asyncio.CancelledError as error:
            without_frames(error)
            raise
        raise failure

    async def _open(self, make_wire: Callable[[], Wire], seconds: float) -> Wire:
        settings = self._settings()
        credentials = await credentials_of(settings)
        wire = await self._connect(settings, make_wire, seconds)
        try:
            await self._greet(settings, credentials, wire)
        except BaseException:
            wire.leave("it was not greeted")
            await asyncio.wait([wire.ended])
            raise
        return wire

    def _settings(self) -> AbstractConnection:
        """The settings as they are now: a certificate may have been renewed since the last attempt."""
        settings = self._pool.make_connection()  # type: ignore[no-untyped-call]
        assert isinstance(settings, AbstractConnection)
        return settings

    async def _connect(
        self, settings: AbstractConnection, make_wire: Callable[[], Wire], seconds: float
    ) -> Wire:
        loop = asyncio.get_running_loop()
        if isinstance(settings, UnixDomainSocketConnection):
            return (await loop.create_unix_connection(make_wire, settings.path))[1]
        if isinstance(self._pool, SentinelConnectionPool):
            host, port = await _master(self._pool)
        else:
            assert isinstance(settings, Connection)
            host, port = settings.host, settings.port
        context = self._tls(settings)
        name = None if context is None else host

        async def attempt(address: Address) -> Wire:
            ip, port, *_ = address[-1]
            connecting = loop.create_connection(
                make_wire, str(ip), int(port), ssl=context, server_hostname=name
            )
            return (await connecting)[1]

        addresses = await self._resolver.addresses(host, int(port))
        return await connect(
            addresses, seconds, attempt, lambda wire: wire.leave("another address was faster")
        )

    def _tls(self, settings: AbstractConnection) -> ssl.SSLContext | None:
        """The context of TLS, if there is any; it verifies the host's name unless a setting says no.

        redis-py does so by itself only from 6.0 on, and 5.0 takes any text of a URL for a yes.
        """
        if not isinstance(settings, SSLConnection):
            return None
        context = settings.ssl_context.get()
        wanted = self._pool.connection_kwargs.get("ssl_check_hostname", True)
        is_wanted = wanted.lower() not in FALSE if isinstance(wanted, str) else bool(wanted)
        context.check_hostname = is_wanted and context.verify_mode != ssl.CERT_NONE
        return context

    async def _greet(self, settings: AbstractConnection, credentials: Command, wire: Wire) -> None:
        database, name = int(settings.db or 0), settings.client_name or ""
        hello, *rest = *session(credentials, name, self._library_version, database), *self._greeting
        if wire.unasked is not None:
            raise refusal(hello, wire.unasked)
        # HELLO has a reply of its own: who is full, or protected, answers it and closes.
        greeted = wire.call(pack(*hello))
        others = wire.call("".join(pack(*command) for command in rest), len(rest))
        greeted.add_done_callback(_hear)
        others.add_done_callback(_hear)
        await asyncio.wait([greeted])
        if isinstance(fault := greeted.exception(), ReplyFault):
            raise refusal(hello, fault, "".join(credentials[1:]))
        role = require_resp3(greeted.result())
        if isinstance(self._pool, SentinelConnectionPool) and role != b"master":
            raise BackendUnavailableError(f"{self._name}: the server that Sentinel names is no master")
        replies = await others
        assert isinstance(replies, list)
        for command, reply in zip(rest, replies, strict=True):
            if isinstance(reply, ReplyFault) and not is_harmless(command, reply):
                raise refusal(command, reply)

    def _caused(self, failure: E, cause: Exception) -> E:
        """*failure*, with its cause, unless that quotes a password: some versions of redis-py do."""
        failure.__cause__ = None if quotes(cause, self._secrets()) else without_frames(cause)
        return failure

    def _unavailable(self, error: Exception) -> BackendUnavailableError:
        return self._caused(BackendUnavailableError(f"{self._name}: {self._text(error)}"), error)

    def _text(self, error: Exception) -> str:
        """What *error* says, unless that quotes a password."""
        return (not quotes(error, self._secrets()) and str(error)) or type(error).__name__

    def _secrets(self) -> Iterator[str]:
        pools: list[ConnectionPool] = [self._pool]
        if isinstance(self._pool, SentinelConnectionPool):
            pools += [client.connection_pool for client in self._pool.sentinel_manager.sentinels]
        for pool in pools:
            for name in SECRETS:
                if secret := pool.connection_kwargs.get(name):
                    yield str(secret)

    def __repr__(self) -> str:
        return f"<Handshake with {self._name}>"


def _hear(future: "asyncio.Future[object]") -> None:
    """Nobody need wait for *future* any more."""
    if not future.cancelled():
        future.exception()


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
