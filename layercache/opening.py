"""open_cache: from a URL to a cache."""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from layercache.backends.memory import MemoryCache
from layercache.backends.memory.cache import DEFAULT_ENTRIES
from layercache.backends.redis.cache import RedisCache
from layercache.backends.redis.near import MAX_STALENESS, TieredCache
from layercache.backends.redis.transport.credentials import sealed
from layercache.backends.redis.transport.handshake import split_url
from layercache.cache import LayerInfoCache
from layercache.errors import InvalidArgumentError, shown
from layercache.removal import HOLD_SECONDS

Number = Callable[[str], float]

_MEMORY: Mapping[str, Number] = {"max_entries": int, "ttl": float, "closing_seconds": float}
_REDIS: Mapping[str, Number] = {"ttl": float, "lease_seconds": float, "closing_seconds": float}
_NEAR: Mapping[str, Number] = {"near": int, "max_staleness": float}

# How long an entry is near at most: against what changes without a push. To ask for 100,000
# entries anew in this time is 330 questions a second, which nobody notices.
NEAR_SECONDS = 300.0

# What redis-py reads from a URL and has a meaning on a link; it is passed on as it stands.
_CONNECTION = (
    "client_name",
    "db",
    "password",
    "socket_connect_timeout",
    "ssl_ca_certs",
    "ssl_ca_data",
    "ssl_ca_path",
    "ssl_cert_reqs",
    "ssl_certfile",
    "ssl_check_hostname",
    "ssl_keyfile",
    "ssl_password",
    "username",
)


@sealed
def open_cache(url: str) -> LayerInfoCache:
    """Make the cache that *url* describes; it connects when it is first asked something.

    Args:
        url: One of

            - `memory://?max_entries=100000&ttl=3600`, with the options of
              `MemoryCache`, `closing_seconds` too.
            - `redis://user:password@host:6379/0?ttl=86400`, `rediss://…` for
              TLS, `unix:///path/of/socket?db=0`: redis-py's grammar, with its
              options for the connection, and `ttl`, `lease_seconds` and
              `closing_seconds` of `RedisCache`.
            - the same with `near=100000`: a `TieredCache` with so many entries
              near, each for 300 seconds at most, and its `max_staleness`.

    Raises:
        InvalidArgumentError: The scheme or an option is unknown, and then the
            message names those that are known; or a value makes no sense.
    """
    scheme = split_url(url).scheme
    if scheme == "memory":
        return _open_memory(url)
    if scheme in ("redis", "rediss", "unix"):
        return _open_redis(url)
    raise InvalidArgumentError(f"no cache is called {scheme!r}; known are memory, redis, rediss, unix")


def _open_memory(url: str) -> MemoryCache:
    parts = urlsplit(url)
    if parts.netloc or parts.path:
        raise InvalidArgumentError(
            "memory:// has no host and no path, only options: memory://?max_entries=100"
        )
    numbers = _numbers(_options(url, tuple(_MEMORY)), _MEMORY)
    return MemoryCache(
        int(numbers.get("max_entries", DEFAULT_ENTRIES)),
        ttl=numbers.get("ttl"),
        closing_seconds=numbers.get("closing_seconds", HOLD_SECONDS),
    )


def _open_redis(url: str) -> RedisCache | TieredCache:
    options = _options(url, (*_REDIS, *_NEAR, *_CONNECTION))
    passed_on = urlencode({name: value for name, value in options.items() if name in _CONNECTION})
    near = _numbers(options, _NEAR)
    far = RedisCache(urlunsplit(urlsplit(url)._replace(query=passed_on)), **_numbers(options, _REDIS))
    if "near" in near:
        memory = MemoryCache(int(near["near"]), ttl=NEAR_SECONDS)
        return TieredCache(memory, far, max_staleness=near.get("max_staleness", MAX_STALENESS))
    if near:
        raise InvalidArgumentError("max_staleness is said of what is near, and needs near, too")
    return far


def _options(url: str, known: tuple[str, ...]) -> dict[str, str]:
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    options = dict(pairs)
    if len(options) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise InvalidArgumentError(f"an option stands twice: {', '.join(twice)}")
    for name in options:
        if name not in known:
            # With an @, it may be the end of a password that was not percent-encoded.
            called = "as one of these" if "@" in url.partition("?")[2] else shown(name)
            raise InvalidArgumentError(f"no option is called {called}; known are {', '.join(sorted(known))}")
    return options


def _numbers(options: Mapping[str, str], kinds: Mapping[str, Number]) -> dict[str, float]:
    numbers = {}
    for name, number in kinds.items():
        if name in options:
            try:
                numbers[name] = number(options[name])
            except ValueError:
                raise InvalidArgumentError(f"{name} is a number, not {shown(options[name])}") from None
    return numbers
