"""The schemes `redis://`, `rediss://` and `unix://`."""

from collections.abc import Mapping
from typing import TypedDict, cast
from urllib.parse import urlencode, urlsplit, urlunsplit

from layercache.backends.redis.cache import RedisCache
from layercache.errors import InvalidArgumentError
from layercache.url_options import Number, numbers_of, options_of


class _Seconds(TypedDict, total=False):
    ttl: float
    lease_seconds: float
    closing_seconds: float
    max_staleness: float


OPTIONS: Mapping[str, Number] = dict.fromkeys(_Seconds.__annotations__, float)

# What redis-py reads from a URL and has a meaning on a link; it is passed on as it stands.
CONNECTION = (
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


def open_redis(url: str) -> RedisCache:
    """Make the cache that *url* describes; see `open_cache`."""
    options = options_of(url, (*OPTIONS, "near", *CONNECTION))
    passed_on = urlencode({name: value for name, value in options.items() if name in CONNECTION})
    source = urlunsplit(urlsplit(url)._replace(query=passed_on))
    if "max_staleness" in options and "near" not in options:
        raise InvalidArgumentError(
            "max_staleness is about what is near: name a number of entries, near=100000, too"
        )
    near = int(numbers_of(options, {"near": int}).get("near", 0))
    return RedisCache(source, near=near, **cast("_Seconds", numbers_of(options, OPTIONS)))
