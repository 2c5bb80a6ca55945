"""What was read from Redis, kept in this process while it is true."""

from layercache.backends.redis.near.backend import NearBackend
from layercache.backends.redis.near.state import NearState

__all__ = ["NearBackend", "NearState"]
