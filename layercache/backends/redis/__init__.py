"""RedisCache: what is known of layers, in a Redis that Go registries can share."""
