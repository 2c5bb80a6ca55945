"""The operations of a RedisCache, one by one."""

from collections.abc import Awaitable, Callable

from layercache.backend import Lease
from layercache.backends.redis.cache import RedisCache
from layercache.context import background
from layercache.meta import LayerMeta

CTX = background()
REPO = "library/a"
DIGEST = "sha256:" + "0123456789abcdef" * 4
META = LayerMeta("/blobs/a", 7)

OPERATIONS: dict[str, Callable[[RedisCache], Awaitable[object]]] = {
    "contains": lambda cache: cache.contains(CTX, REPO, DIGEST),
    "meta": lambda cache: cache.meta(CTX, DIGEST),
    "stat": lambda cache: cache.stat(CTX, REPO, DIGEST),
    "add": lambda cache: cache.add(CTX, REPO, DIGEST),
    "set_meta": lambda cache: cache.set_meta(CTX, DIGEST, META),
    "put": lambda cache: cache.put(CTX, REPO, DIGEST, META),
    "remove": lambda cache: cache.remove(CTX, REPO, DIGEST),
    "forget": lambda cache: cache.forget(CTX, DIGEST),
    "lease": lambda cache: cache.lease(CTX, REPO, DIGEST),
    "fill": lambda cache: cache.fill(CTX, Lease(REPO, DIGEST, "0" * 32, "0" * 32), META),
    "removing": lambda cache: cache.removing(CTX, REPO, DIGEST).__aenter__(),
}
