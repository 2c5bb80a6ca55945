"""Near: what is near, as answers; what is not worth a place there waits at the door.

Most layers are asked for once, and a place in the table costs more than the
answer of Redis did (4 to 12 us). So what came from far waits at the door, and is
given a place when it is asked for once more. Until then nobody looks whether it
is still true: its ticket tells that, whenever it is used. What has a place
already, and became void, is given it anew at once.

The door is as large as the room that the table has left. Were it always small,
what is asked for in turns, and is more than the door can hold, would come back
each time to find that it had to go; the table might be empty.
"""

from collections import OrderedDict

from layercache.backends.redis.near.table import ABSENT, NearTable, Ticket
from layercache.errors import NotFoundError
from layercache.meta import LayerMeta

DOOR_SHARE = 20  # The door of a full table has room for one part in so many of what the table has.


# A ticket; whether it is a member, and where it lies, each None if that was not asked or is not to be kept.
Answer = tuple[Ticket, bool | None, LayerMeta | None]


class Near:
    """What is known near; only to be asked while it is trusted.

    Attributes:
        table: What has a place.
    """

    def __init__(self, table: NearTable, room: int, keep_misses: bool) -> None:
        """Have *room* for so many answers at the door, if need be; keep misses only if *keep_misses*."""
        self.table = table
        self._room = room
        self._keep_misses = keep_misses
        self._door: OrderedDict[tuple[str | None, str], Answer] = OrderedDict()

    def __len__(self) -> int:
        return len(self.table) + len(self._door)

    # ---- what the table did not say: None if one has to ask far away

    def member(self, repo: str, dgst: str) -> bool | None:
        """Whether *repo* has *dgst*."""
        if self._admit(repo, dgst) and self.table.contains(repo, dgst):
            return True
        return False if self._keep_misses and self.table.lacks(repo, dgst) else None

    def meta(self, dgst: str) -> LayerMeta | None:
        """Where *dgst* lies, or that this is `ABSENT`."""
        meta = self.table.meta(dgst) if self._admit(None, dgst) else None
        return ABSENT if meta is None and self._keep_misses and self.table.lacks_meta(dgst) else meta

    def stat(self, repo: str, dgst: str) -> LayerMeta | None:
        """Where *dgst* lies if *repo* has it, or that one of the two is `ABSENT`."""
        meta = self.table.stat(repo, dgst) if self._admit(repo, dgst) else None
        if (
            meta is None
            and self._keep_misses
            and (self.table.lacks(repo, dgst) or self.table.lacks_meta(dgst))
        ):
            return ABSENT
        return meta

    def _admit(self, repo: str | None, dgst: str) -> bool:
        """Give what waits for this question its place; whether anything did."""
        answer = self._door.pop((repo, dgst), None)
        if answer is None:
            return False
        self._keep(repo, dgst, answer)
        return True

    # ---- what came from far

    def take(
        self, ticket: Ticket, repo: str | None, dgst: str, is_member: bool | None, meta: LayerMeta | None
    ) -> None:
        """Let an answer wait at the door.

        Args:
            ticket: Taken before the question was sent.
            repo: The repository that was asked about; None if the meta alone was.
            dgst: The digest.
            is_member: Whether *repo* has it; None if that was not asked.
            meta: Where it lies, or `ABSENT`; None if that was not asked.
        """
        if not self._keep_misses:
            is_member = is_member or None
            meta = None if meta is ABSENT else meta
            if is_member is None and meta is None:
                return
        answer = ticket, is_member, meta
        if self.table.has_place(repo, dgst):
            self._keep(repo, dgst, answer)
            return
        self._door[repo, dgst] = answer
        if len(self._door) > self._room and len(self._door) > self.table.free:
            self._door.popitem(last=False)

    def _keep(self, repo: str | None, dgst: str, answer: Answer) -> None:
        ticket, is_member, meta = answer
        if repo is not None and is_member is not None:
            self.table.keep_member(ticket, repo, dgst, is_member)  # First: it may take the place of the meta.
        if meta is not None:
            self.table.keep_meta(ticket, dgst, meta)


def found(meta: LayerMeta, dgst: str) -> LayerMeta:
    """*meta*, which is that of *dgst*.

    Raises:
        NotFoundError: It is `ABSENT`.
    """
    if meta is ABSENT:
        raise NotFoundError(dgst)
    return meta
