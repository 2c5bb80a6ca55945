"""open_cache: from a URL to a cache.

A scheme is an entry point, which names a function that is given the URL and
returns a cache. So another distribution brings a scheme of its own by some lines
in its pyproject.toml:

    [project.entry-points."layercache.schemes"]
    sqlite = "layercache_sqlite:open_sqlite"

Those of this library stand in a table, and are found without a look at what is
installed.
"""

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

from layercache.cache import LayerInfoCache
from layercache.errors import InvalidArgumentError
from layercache.secrecy import sealed
from layercache.url_options import split_url

GROUP = "layercache.schemes"

_OWN = {
    "memory": "layercache.backends.memory.opening:open_memory",
    "redis": "layercache.backends.redis.opening:open_redis",
    "rediss": "layercache.backends.redis.opening:open_redis",
    "unix": "layercache.backends.redis.opening:open_redis",
}


@sealed
def open_cache(url: str) -> LayerInfoCache:
    """Make the cache that *url* describes; it connects when it is first asked something.

    Args:
        url: One of

            - `memory://?max_entries=100000&ttl=3600`
            - `redis://user:password@host:6379/0?ttl=86400`, `rediss://…` for
              TLS, `unix:///path/of/socket?db=0`: redis-py's grammar, with its
              options for the connection, and those arguments of `RedisCache`
              that are numbers: `ttl`, `lease_seconds`, `closing_seconds`,
              `near`, `max_staleness`.
            - a URL of a scheme that another distribution has registered.

    Raises:
        InvalidArgumentError: The scheme or an option is unknown, and then the
            message names those that are known; or a value makes no sense.
    """
    scheme = split_url(url).scheme
    opener: Callable[[str], LayerInfoCache] = _entry_point(scheme).load()
    return opener(url)


def _entry_point(scheme: str) -> EntryPoint:
    if scheme in _OWN:
        return EntryPoint(scheme, _OWN[scheme], GROUP)
    registered = entry_points(group=GROUP)
    if scheme not in registered.names:
        known = ", ".join(sorted({*_OWN, *registered.names}))
        raise InvalidArgumentError(f"no cache is registered for the scheme {scheme!r}; known are {known}")
    return registered[scheme]
