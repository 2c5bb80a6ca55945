"""Admission: what is asked for once waits in a buffer; what is asked for again is given an entry.

Most layers are asked for once, and an entry in the table costs more than the
answer of Redis did (4 to 12 us). So what came from Redis waits in the admission
buffer, and is given an entry when it is asked for once more. Until then nobody
looks whether it is still true: its ticket tells that, whenever it is used. What has
an entry already, and became void, is given it anew at once.

The buffer is as large as the room that the table has left. Were it always small,
what is asked for in turns, and is more than the buffer can hold, would come back
each time to find that it had to go; the table might be empty.
"""

from collections import OrderedDict

from layercache.backends.redis.near.table import NearTable, Ticket
from layercache.meta import LayerMeta

BUFFER_SHARE = 20  # The buffer of a full table has room for one part in so many of what the table has.

# A ticket; whether it is a member; where it lies, None if that was not asked, or is not known.
Answer = tuple[Ticket, bool, LayerMeta | None]


class Admission:
    """The admission buffer before a table."""

    def __init__(self, table: NearTable, max_entries: int) -> None:
        """Stand before *table*, which has at most *max_entries*."""
        self._table = table
        self._least_room = max(1, max_entries // BUFFER_SHARE)
        self._buffer: OrderedDict[tuple[str | None, str], Answer] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buffer)

    # ---- what the table did not answer, but waits here: from now on it has an entry

    def contains(self, repo: str, dgst: str) -> bool:
        """Whether *repo* is known to have *dgst*."""
        return self._admit(repo, dgst) and self._table.contains(repo, dgst)

    def meta(self, dgst: str) -> LayerMeta | None:
        """Where *dgst* lies, if that is known."""
        return self._table.meta(dgst) if self._admit(None, dgst) else None

    def stat(self, repo: str, dgst: str) -> LayerMeta | None:
        """Where *dgst* lies, if that is known and *repo* is known to have it."""
        return self._table.stat(repo, dgst) if self._admit(repo, dgst) else None

    def _admit(self, repo: str | None, dgst: str) -> bool:
        """Give what waits for this question its entry in the table; whether anything did."""
        answer = self._buffer.pop((repo, dgst), None)
        if answer is None:
            return False
        self._keep(repo, dgst, answer)
        return True

    # ---- what came from Redis

    def take(
        self, ticket: Ticket, repo: str | None, dgst: str, is_member: bool, meta: LayerMeta | None
    ) -> None:
        """Let an answer of Redis wait for the second time that it is asked for; a miss is not kept.

        Args:
            ticket: Taken before the question was sent.
            repo: The repository that was asked about; None if the meta alone was.
            dgst: The digest.
            is_member: Whether *repo* has it; False, too, if that was not asked.
            meta: Where it lies; None if that was not asked, or is not known.
        """
        if not is_member and meta is None:
            return
        answer = ticket, is_member, meta
        if self._table.has_entry(repo, dgst):
            self._keep(repo, dgst, answer)
            return
        self._buffer[repo, dgst] = answer
        if len(self._buffer) > self._least_room and len(self._buffer) > self._table.free:
            self._buffer.popitem(last=False)

    def _keep(self, repo: str | None, dgst: str, answer: Answer) -> None:
        ticket, is_member, meta = answer
        if repo is not None and is_member:
            self._table.keep_member(ticket, repo, dgst)  # First: it may take the entry of the meta.
        if meta is not None:
            self._table.keep_meta(ticket, dgst, meta)
