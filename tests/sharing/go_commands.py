"""What each version of the Go registry sends to Redis, command by command, written down from its source.

Source: distribution, registry/storage/cache/redis/redis.go, of 2.8.2, 3.0.0 and 3.1.0;
who calls it: registry/storage/cache/cachedblobdescriptorstore.go, linkedblobstore.go and,
for the manifests of version 3, `repository.Manifests` in registry/storage/registry.go.
"""

from redis.asyncio import Redis

OCTETS = "application/octet-stream"
VERSIONS = ["2.8.2", "3.0.0", "3.1.0"]
WITH_MANIFESTS = VERSIONS[1:]  # that remember manifests as they do layers

Commands = list[list[str | int]]


def known(repo: str, dgst: str, size: int, canonical: str = "") -> Commands:
    """What it sends after a push, or after a question that the cache could not answer.

    Every version sends the same for a layer, and 3.x for a manifest. A digest of
    another algorithm is remembered by the *canonical* one, and that one as well.
    """
    canonical = canonical or dgst
    commands: Commands = [
        ["SADD", f"repository::{repo}::blobs", dgst],
        ["HMSET", f"blobs::{dgst}", "digest", canonical, "size", size],
        ["HSETNX", f"blobs::{dgst}", "mediatype", OCTETS],
        ["HSET", f"repository::{repo}::blobs::{dgst}", "mediatype", OCTETS],
    ]
    return commands if canonical == dgst else commands + known(repo, canonical, size)


def deleted(version: str, repo: str, dgst: str) -> Commands:
    """What it sends before it deletes the link, for a layer and, 3.x, for a manifest."""
    # CVE-2026-35172: up to 3.0 the membership stays.
    scoped: Commands = [
        ["SREM", f"repository::{repo}::blobs", dgst],
        ["DEL", f"repository::{repo}::blobs::{dgst}"],
    ]
    return [*(scoped if version >= "3.1" else []), ["HDEL", f"blobs::{dgst}", "digest", "size", "mediatype"]]


async def play(url: str, commands: Commands) -> None:
    """Send *commands*, as they stand."""
    async with Redis.from_url(url) as redis:
        for command in commands:
            await redis.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py has no types for it
