"""What the far cache answers: read as it reads it, and taken near.

A reply is read by the task that awaits it, in the turn in which it goes on.
Later pushes may have come since, and have voided the ticket then.
"""

from collections.abc import Sequence

from layercache.backends.redis import schema
from layercache.backends.redis.near.admission import Near, found
from layercache.backends.redis.near.table import ABSENT, Ticket
from layercache.meta import LayerMeta


class Answers:
    """Decoders for `Exchange.ask`: each is given what was asked about, with its ticket, and the reply.

    Attributes:
        count: Of the layers that were answered about.
    """

    def __init__(self, near: Near) -> None:
        self._near = near
        self.count: int = 0

    def member(self, about: tuple[Ticket, str, str], reply: object) -> bool:
        """Read the reply to `member_query`."""
        ticket, repo, dgst = about
        self.count += 1
        is_member = schema.to_membership(repo, reply)
        self._near.take(ticket, repo, dgst, is_member, None)
        return is_member

    def members(self, about: tuple[Ticket, str, Sequence[str]], reply: object) -> dict[str, bool | None]:
        """Read the reply to `members_query`."""
        ticket, repo, dgsts = about
        self.count += len(dgsts)
        answers: dict[str, bool | None] = {}
        for dgst, is_member in zip(dgsts, schema.to_memberships((repo, dgsts), reply), strict=True):
            self._near.take(ticket, repo, dgst, is_member, None)
            answers[dgst] = is_member
        return answers

    def meta(self, about: tuple[Ticket, str], reply: object) -> LayerMeta:
        """Read the reply to `meta_query`."""
        ticket, dgst = about
        self.count += 1
        meta = schema.to_meta_or_none(dgst, reply) or ABSENT
        self._near.take(ticket, None, dgst, None, meta)
        return found(meta, dgst)

    def stat(self, about: tuple[Ticket, str, str], replies: object) -> LayerMeta:
        """Read the replies to `meta_query` and `member_query`."""
        ticket, repo, dgst = about
        self.count += 1
        assert isinstance(replies, list)
        meta = schema.to_meta_or_none(dgst, replies[0]) or ABSENT
        is_member = schema.to_membership(repo, replies[1])
        self._near.take(ticket, repo, dgst, is_member, meta)
        return found(meta if is_member else ABSENT, dgst)

    def stats(self, about: tuple[Ticket, str, Sequence[str]], replies: object) -> dict[str, LayerMeta | None]:
        """Read the replies to a `meta_query` for each and, last, to `members_query`; `ABSENT` is a miss."""
        ticket, repo, dgsts = about
        self.count += len(dgsts)
        assert isinstance(replies, list)
        metas = [schema.to_meta_or_none(*one) or ABSENT for one in zip(dgsts, replies[:-1], strict=True)]
        has = schema.to_memberships((repo, dgsts), replies[-1])
        answers: dict[str, LayerMeta | None] = {}
        for dgst, meta, is_member in zip(dgsts, metas, has, strict=True):
            self._near.take(ticket, repo, dgst, is_member, meta)
            answers[dgst] = meta if is_member else ABSENT
        return answers
