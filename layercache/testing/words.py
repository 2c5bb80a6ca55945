"""Checks of the plain words: what is remembered, what is not, and what is refused."""

from layercache.cache import LayerInfoCache
from layercache.context import Context
from layercache.errors import InvalidArgumentError, NotFoundError
from layercache.meta import LayerMeta
from layercache.testing import operations
from layercache.testing.layers import (
    Check,
    expect,
    expect_done,
    expect_error,
    expect_known,
    expect_no_membership,
    is_meta_known,
    new_digest,
    new_meta,
    new_repository,
    stat_or_none,
)


class _Renamed(str):
    """Is made of other characters than it prints, as a member of a `class Repo(str, Enum)` is."""

    __slots__ = ()

    def __str__(self) -> str:
        return "renamed"

    def __format__(self, spec: str) -> str:
        return "renamed"


_MALFORMED = ("", "a b", "a\tb", "a\nb", "a\x00b", "a::b", "a\x7fb", "\ud800", _Renamed("a:b"))


async def refuses_malformed_digests(ctx: Context, cache: LayerInfoCache) -> None:
    """A digest that is empty, too long, of a subclass of str, or could forge a key is refused."""
    repo, meta = new_repository(), new_meta("any")
    for name, call in operations.ALL.items():
        for dgst in (*_MALFORMED, "d" * 1025):
            running = call(cache, ctx, repo, dgst, meta)
            await expect_error(InvalidArgumentError, running, f"{name} refuses the digest {dgst[:20]!r}")


async def refuses_malformed_repositories(ctx: Context, cache: LayerInfoCache) -> None:
    """A repository that is empty, too long, of a subclass of str, or could forge a key is refused."""
    dgst, meta = new_digest(), new_meta("any")
    for name, call in operations.OF_A_LAYER.items():
        for repo in (*_MALFORMED, "r" * 256):
            running = call(cache, ctx, repo, dgst, meta)
            await expect_error(InvalidArgumentError, running, f"{name} refuses the repository {repo[:20]!r}")


async def refuses_malformed_metas(ctx: Context, cache: LayerInfoCache) -> None:
    """A meta without a path, or with a length that a Go registry cannot read, is an invalid argument."""
    repo, dgst = new_repository(), new_digest()
    malformed = [LayerMeta("", 1), LayerMeta("/path", -1), LayerMeta("/path", 2**63)]
    renamed = [LayerMeta(_Renamed("/path"), 1), LayerMeta("/path", 1, _Renamed("a/b"))]
    for meta in (*malformed, *renamed):
        for name in operations.WITH_A_META:
            call = operations.ALL[name](cache, ctx, repo, dgst, meta)
            await expect_error(InvalidArgumentError, call, f"{name} refuses {meta}")


async def refuses_one_digest_for_many(ctx: Context, cache: LayerInfoCache) -> None:
    """A single digest where a sequence of them is wanted is an invalid argument."""
    repo, dgst = new_repository(), new_digest()
    for call in (cache.contains_many, cache.stat_many):
        await expect_error(
            InvalidArgumentError, call(ctx, repo, dgst), "a bulk form wants a sequence of digests"
        )


async def accepts_what_its_ancestor_did(ctx: Context, cache: LayerInfoCache) -> None:
    """Names outside the OCI grammar, up to their greatest lengths, are kept and told apart."""
    repos = ["Upper/Case", "r" * 255, "r" * 254, "ünïcode", "a:b"]
    dgsts = ["no-colon", "other:" + "x" * 1018, "other:" + "x" * 1017, "tarsum+sha256:" + "0" * 64, "ïd:ö"]
    for repo, dgst in zip(repos, dgsts, strict=True):
        accepted = cache.put(ctx, repo, dgst, new_meta(dgst))
        await expect_done(accepted, f"{dgst[:20]} in {repo[:20]} is accepted")
    for repo, dgst in zip(repos, dgsts, strict=True):
        found = await stat_or_none(ctx, cache, repo, dgst)
        expect(found == new_meta(dgst), f"{dgst[:20]} in {repo[:20]} is remembered")
        await cache.remove(ctx, repo, dgst)
        await cache.forget(ctx, dgst)


async def knows_nothing_at_first(ctx: Context, cache: LayerInfoCache) -> None:
    """What was never added is a miss, in every form, and not an error of another kind."""
    repo, dgst = new_repository(), new_digest()
    await expect_no_membership(ctx, cache, repo, dgst, "nothing is contained at first")
    error = await expect_error(NotFoundError, cache.meta(ctx, dgst), "meta raises NotFoundError for a miss")
    expect(isinstance(error, NotFoundError) and error.dgst == dgst, "NotFoundError names the digest")
    await expect_error(NotFoundError, cache.stat(ctx, repo, dgst), "stat raises NotFoundError for a miss")


async def remembers_a_membership(ctx: Context, cache: LayerInfoCache) -> None:
    """What was added is contained, also when it was added twice."""
    repo, dgst = new_repository(), new_digest()
    for _ in range(2):
        await cache.add(ctx, repo, dgst)
        expect(await cache.contains(ctx, repo, dgst) is True, "add, then contains: True")


async def remembers_a_meta(ctx: Context, cache: LayerInfoCache) -> None:
    """A meta comes back equal in every field, and a later one replaces it."""
    dgst = new_digest()
    for meta in (LayerMeta("/a", 0), LayerMeta("/ö b", 2**63 - 1, "text/plain; x=1"), LayerMeta("/a", 1)):
        await cache.set_meta(ctx, dgst, meta)
        found = await cache.meta(ctx, dgst)
        expect(found == meta, f"{meta} comes back as it was set, not as {found}")
        expect(type(found) is LayerMeta, "a meta comes back as a LayerMeta")


async def keeps_digests_apart(ctx: Context, cache: LayerInfoCache) -> None:
    """What is known of one digest is not said of another."""
    repo, dgst, other = new_repository(), new_digest(), new_digest()
    await cache.put(ctx, repo, dgst, new_meta(dgst))
    await expect_no_membership(ctx, cache, repo, other, "another digest is not contained")
    expect(not await is_meta_known(ctx, cache, other), "another digest has no meta")


async def keeps_repositories_apart(ctx: Context, cache: LayerInfoCache) -> None:
    """What one repository has is not said of another, and removed from one stays in the other."""
    repo, dgst = new_repository(), new_digest()
    below = f"{repo}/below"
    await cache.put(ctx, repo, dgst, new_meta(dgst))
    await expect_no_membership(ctx, cache, below, dgst, "a layer of one repository is not in another")
    await cache.add(ctx, below, dgst)
    await cache.remove(ctx, repo, dgst)
    await expect_known(ctx, cache, below, dgst, "removed from one repository, it stays in the other")


async def keeps_membership_and_meta_apart(ctx: Context, cache: LayerInfoCache) -> None:
    """Either half is known without the other, and cleared without the other."""
    repo, dgst = new_repository(), new_digest()
    await cache.add(ctx, repo, dgst)
    expect(not await is_meta_known(ctx, cache, dgst), "a membership says nothing of the meta")
    await cache.set_meta(ctx, dgst, new_meta(dgst))
    await cache.remove(ctx, repo, dgst)
    expect(await is_meta_known(ctx, cache, dgst), "remove leaves the meta")
    expect(not await cache.contains(ctx, repo, dgst), "a meta says nothing of membership")
    await cache.add(ctx, repo, dgst)
    await cache.forget(ctx, dgst)
    expect(await cache.contains(ctx, repo, dgst), "forget leaves the membership")


async def stats_only_what_is_whole(ctx: Context, cache: LayerInfoCache) -> None:
    """`stat` needs both halves, and returns the meta."""
    repo, dgst = new_repository(), new_digest()
    await cache.add(ctx, repo, dgst)
    await expect_error(NotFoundError, cache.stat(ctx, repo, dgst), "no stat without a meta")
    await cache.set_meta(ctx, dgst, new_meta(dgst))
    expect(await cache.stat(ctx, repo, dgst) == new_meta(dgst), "stat returns the meta")
    await cache.remove(ctx, repo, dgst)
    await expect_error(NotFoundError, cache.stat(ctx, repo, dgst), "no stat without a membership")


async def puts_both_halves(ctx: Context, cache: LayerInfoCache) -> None:
    """`put` is `add` and `set_meta`."""
    repo, dgst = new_repository(), new_digest()
    await cache.put(ctx, repo, dgst, new_meta(dgst))
    await expect_known(ctx, cache, repo, dgst, "put adds")
    expect(await cache.meta(ctx, dgst) == new_meta(dgst), "put sets the meta")


async def removes(ctx: Context, cache: LayerInfoCache) -> None:
    """What was removed is a miss; to remove nothing is harmless; an `add` afterwards counts."""
    repo, dgst = new_repository(), new_digest()
    await cache.remove(ctx, repo, dgst)
    await cache.put(ctx, repo, dgst, new_meta(dgst))
    await cache.remove(ctx, repo, dgst)
    await expect_no_membership(ctx, cache, repo, dgst, "removed, it is a miss")
    await cache.add(ctx, repo, dgst)
    await expect_known(ctx, cache, repo, dgst, "remove, then add, then contains: True")


async def forgets(ctx: Context, cache: LayerInfoCache) -> None:
    """What was forgotten has no meta; to forget nothing is harmless; a `set_meta` afterwards counts."""
    repo, dgst = new_repository(), new_digest()
    await cache.forget(ctx, dgst)
    await cache.put(ctx, repo, dgst, new_meta(dgst))
    await cache.forget(ctx, dgst)
    expect(not await is_meta_known(ctx, cache, dgst), "forgotten, it has no meta")
    await expect_error(NotFoundError, cache.stat(ctx, repo, dgst), "forgotten, it has no stat")
    await cache.set_meta(ctx, dgst, new_meta(dgst))
    expect(await is_meta_known(ctx, cache, dgst), "forget, then set_meta, then meta")


async def asks_for_many_as_for_one(ctx: Context, cache: LayerInfoCache) -> None:
    """The bulk forms answer what the single forms do, in order, with duplicates, and for none at all."""
    repo, dgsts = new_repository(), [new_digest() for _ in range(120)]
    for index, dgst in enumerate(dgsts):
        if index % 2:
            await cache.add(ctx, repo, dgst)
        if index % 3:
            await cache.set_meta(ctx, dgst, new_meta(dgst))
    asked = [*dgsts, *reversed(dgsts), dgsts[7]]
    singles = [await cache.contains(ctx, repo, dgst) for dgst in asked]
    expect(await cache.contains_many(ctx, repo, asked) == singles, "contains_many is contains, for each")
    metas = [new_meta(dgst) if dgsts.index(dgst) % 2 and dgsts.index(dgst) % 3 else None for dgst in asked]
    expect(await cache.stat_many(ctx, repo, asked) == metas, "stat_many is stat, for each, None for a miss")
    expect(await cache.contains_many(ctx, repo, []) == [], "contains_many of none is empty")
    expect(await cache.stat_many(ctx, repo, []) == [], "stat_many of none is empty")


CHECKS: tuple[Check, ...] = (
    refuses_malformed_digests,
    refuses_malformed_repositories,
    refuses_malformed_metas,
    refuses_one_digest_for_many,
    accepts_what_its_ancestor_did,
    knows_nothing_at_first,
    remembers_a_membership,
    remembers_a_meta,
    keeps_digests_apart,
    keeps_repositories_apart,
    keeps_membership_and_meta_apart,
    stats_only_what_is_whole,
    puts_both_halves,
    removes,
    forgets,
    asks_for_many_as_for_one,
)
