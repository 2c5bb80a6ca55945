"""The near tier, first half: order.

One process keeps near what it read from Redis. Redis remembers which keys were
read on its connection (CLIENT TRACKING, in the default mode), and tells of the
next change of each: a push, in the same stream as the replies, in the order in
which things happened to it. So whatever was parsed from that stream is a true
picture of Redis at one instant, a little ago. What spoils it is that a reply is
not used where it is parsed: its task resumes later, when pushes that came after
it have been parsed, too. Hence tokens:

    1  task: near miss, takes a token, sends its read
    2  Redis answers, and is changed: a reply and a push are in the stream
    3  the reply is parsed, the push is parsed: the token is void
    4  the task resumes, and keeps nothing near

Values are versions, counted up by each change; that nothing is known is a
version like another. An entry is one digest of one key, for a push names the
key alone: a repository's set, in which many digests are.

`Near` has one method for each thing that happens. A design that differs is a
subclass that differs in one (`refuted.py`).

Bounds: one process with one connection, two keys, three reads, one write of its
own, two changes by others, one lost connection.
"""

from collections.abc import Iterator
from typing import NamedTuple

SET, HASH = 0, 1  # the keys: a repository's members, a layer's meta
ALL = -1  # in the place of a key in a push: FLUSHALL
WRITER, TRACKING = -1, -2  # in the place of a task, in requests and replies

FLUSHALL = -1  # in the place of a key, among the changes of others


class Entry(NamedTuple):
    """What lies near."""

    key: int
    digest: int
    version: int


class Task(NamedTuple):
    """One read: it `asks`, `waits`, `resumes` when its reply was parsed, and is `done`."""

    key: int
    digest: int
    state: str = "asks"
    version: int = 0
    has_token: bool = False


class Item(NamedTuple):
    """A reply or a push, in the stream from Redis."""

    kind: str
    who: int = 0
    key: int = 0
    version: int = 0


class World(NamedTuple):
    """All there is at an instant.

    Attributes:
        versions: What Redis has, by key.
        near: What the process keeps.
        tasks: Its reads.
        own: Its own write of `SET`: `waits`, `sent`, `answered`, `told`, or `none`.
        own_version: What that write made of the key.
        foreign: The keys that others will change.
        up: The requests on their way to Redis, each by its task.
        down: What Redis has sent, and is not parsed yet.
        tracked: The keys whose next change Redis will tell.
        untold: The keys whose change Redis tells when its loop comes around: none of ours.
        is_up: Whether there is a connection.
        is_tracking: Whether Redis tracks what is read on it.
        is_trusting: Whether the process knows that.
        seen: The newest version that a caller has seen, by key.
        cuts: How often the connection may still be lost.
    """

    tasks: tuple[Task, ...]
    own: str
    foreign: tuple[int, ...]
    cuts: int
    versions: tuple[int, int] = (0, 0)
    near: tuple[Entry, ...] = ()
    own_version: int = 0
    up: tuple[int, ...] = ()
    down: tuple[Item, ...] = ()
    tracked: tuple[int, ...] = ()
    untold: tuple[int, ...] = ()
    is_up: bool = True
    is_tracking: bool = True
    is_trusting: bool = True
    seen: tuple[int, int] = (0, 0)

    def with_task(self, number: int, task: Task) -> "World":
        """The same, but for a task."""
        return self._replace(tasks=(*self.tasks[:number], task, *self.tasks[number + 1 :]))


def changed(versions: tuple[int, int], key: int, version: int) -> tuple[int, int]:
    """The same, but for one key."""
    return (version, versions[HASH]) if key == SET else (versions[SET], version)


Taken = tuple[str, World]


class Near:
    """What happens, and what is kept near."""

    # ---- what the process does

    def asks(self, world: World, number: int) -> Taken | None:
        """A task does not find its entry, takes a token and sends its read."""
        task = world.tasks[number]
        is_near = any((entry.key, entry.digest) == (task.key, task.digest) for entry in world.near)
        if is_near or not self.may_read(world):
            return None
        world = world.with_task(number, task._replace(state="waits", has_token=True))
        return f"task {number}: misses, sends its read", world._replace(up=(*world.up, number))

    def may_read(self, world: World) -> bool:
        """Reads wait until the answer to CLIENT TRACKING has come."""
        return world.is_trusting

    def resumes(self, world: World, number: int) -> Taken:
        """A task has its answer, and keeps it near if nothing has voided its token."""
        task = world.tasks[number]
        story = f"task {number}: resumes, with version {task.version}"
        if self.may_keep(task) and world.is_up:
            near = {(entry.key, entry.digest): entry for entry in world.near}
            near[task.key, task.digest] = Entry(task.key, task.digest, task.version)
            world = world._replace(near=tuple(sorted(near.values())))
            story += ", and keeps it near"
        seen = changed(world.seen, task.key, max(task.version, world.seen[task.key]))
        return story, world.with_task(number, Task(task.key, task.digest, "done"))._replace(seen=seen)

    def may_keep(self, task: Task) -> bool:
        """What is kept needs a token."""
        return task.has_token

    def writes(self, world: World) -> Taken:
        """The process sends a write of its own."""
        return "its own write is sent", world._replace(own="sent", up=(*world.up, WRITER))

    def is_told(self, world: World) -> Taken:
        """Whoever wrote goes on."""
        return "its writer is told", world._replace(own="told")

    # ---- what Redis does

    def takes(self, world: World) -> Taken:
        """Redis takes the first request."""
        number, world = world.up[0], world._replace(up=world.up[1:])
        if number == TRACKING:
            return "redis: tracking is on", sent(world._replace(is_tracking=True), Item("tracking"))
        if number == WRITER:
            version = world.versions[SET] + 1
            world = sent(world, Item("written", WRITER, SET, version))
            return "redis: the own write", self.is_changed(world, SET)
        key = world.tasks[number].key
        version = world.versions[key]
        if world.is_tracking:
            world = world._replace(tracked=tuple(sorted({*world.tracked, key})))
        return f"redis: reads version {version} for task {number}", sent(
            world, Item("read", number, key, version)
        )

    def is_changed(self, world: World, key: int) -> World:
        """A key has another version, and Redis tells of it if it was read: its own reply comes first."""
        world = world._replace(versions=changed(world.versions, key, world.versions[key] + 1))
        if key not in world.tracked:
            return world
        tracked = tuple(other for other in world.tracked if other != key)
        return sent(world._replace(tracked=tracked), Item("push", key=key))

    def others_change(self, world: World) -> Taken:
        """Somebody else changes a key, or all."""
        key, world = world.foreign[0], world._replace(foreign=world.foreign[1:])
        if key != FLUSHALL:
            return f"another changes key {key}", self.is_changed(world, key)
        versions = world.versions[SET] + 1, world.versions[HASH] + 1
        world = world._replace(versions=versions, tracked=())
        return "another: FLUSHALL", sent(world, Item("push", key=ALL)) if world.is_tracking else world

    # ---- what the process parses

    def parses(self, world: World) -> Taken:
        """The process parses the next item of the stream."""
        item, world = world.down[0], world._replace(down=world.down[1:])
        if item.kind == "tracking":
            return "parses: tracking is on", world._replace(is_trusting=True)
        if item.kind == "read":
            task = world.tasks[item.who]._replace(state="resumes", version=item.version)
            return f"parses the reply for task {item.who}", world.with_task(item.who, task)
        if item.kind == "written":
            world = self.own_is_written(world._replace(own="answered", own_version=item.version))
            return "parses the reply to its own write", world
        if item.key == ALL:
            return "parses the push of ALL", self.all_is_void(world)
        return f"parses the push of key {item.key}", self.key_is_void(world, item.key)

    def own_is_written(self, world: World) -> World:
        """The process does not wait for its own push, and not only for the digest that it wrote."""
        return self.key_is_void(world, SET)

    def key_is_void(self, world: World, key: int) -> World:
        """Drop the entries of a key, and void the tokens for it."""
        tasks = tuple(task._replace(has_token=task.has_token and task.key != key) for task in world.tasks)
        return world._replace(near=tuple(entry for entry in world.near if entry.key != key), tasks=tasks)

    def all_is_void(self, world: World) -> World:
        """Drop all entries, and void all tokens."""
        return self.key_is_void(self.key_is_void(world, SET), HASH)

    # ---- what befalls the connection

    def is_cut(self, world: World) -> Taken:
        """The connection is lost, with all that was on its way; who waits fails."""
        tasks = tuple(
            Task(task.key, task.digest, "done") if task.state == "waits" else task for task in world.tasks
        )
        own = "none" if world.own == "sent" else world.own
        world = world._replace(tasks=tasks, own=own, up=(), down=(), tracked=(), cuts=world.cuts - 1)
        world = world._replace(is_up=False, is_tracking=False, is_trusting=False)
        return "the connection is LOST", self.link_is_lost(world)

    def link_is_lost(self, world: World) -> World:
        """Nothing may be near that no push would end."""
        return self.all_is_void(world)

    def connects(self, world: World) -> Taken:
        """There is a new connection, and tracking is asked for, first of all."""
        return "connects, asks for tracking", world._replace(is_up=True, up=(TRACKING,))

    # ---- put together

    def steps(self, world: World) -> Iterator[Taken]:
        """All that may happen next."""
        yield from self.acts(world)
        if world.up:
            yield self.takes(world)
        if world.foreign:
            yield self.others_change(world)
        if world.down:
            yield self.parses(world)
        if world.is_up and world.cuts:
            yield self.is_cut(world)
        if not world.is_up:
            yield self.connects(world)

    def acts(self, world: World) -> Iterator[Taken]:
        """What the process may do next, beside parsing."""
        for number, task in enumerate(world.tasks):
            if task.state == "asks" and world.is_up and (taken := self.asks(world, number)):
                yield taken
            elif task.state == "resumes":
                yield self.resumes(world, number)
        if world.own == "waits" and world.is_trusting:
            yield self.writes(world)
        if world.own == "answered":
            yield self.is_told(world)


def sent(world: World, item: Item) -> World:
    """Redis puts *item* into the stream."""
    return world._replace(down=(*world.down, item))


# ---- promises


def broken(world: World, _is_end: bool) -> Iterator[str]:
    """The promises that *world* breaks."""
    told = {*world.untold, *(item.key for item in world.down if item.kind == "push")}
    for entry in world.near:
        is_current = entry.version == world.versions[entry.key]
        if not is_current and entry.key not in told and ALL not in told:
            yield "I1"
        if world.own == "told" and entry.key == SET and entry.version < world.own_version:
            yield "I2"
        if entry.version < world.seen[entry.key]:
            yield "I3"
