"""What is known of layers, in a Redis that Go registries can share."""

from layercache.backends.redis.cache import RedisCache

__all__ = ["RedisCache"]
