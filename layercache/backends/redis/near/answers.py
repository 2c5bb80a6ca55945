"""What Redis answers: read as the far backend reads it, and taken near.

A reply is read by the task that awaits it, in the turn in which it goes on.
Later pushes may have come since, and have voided the ticket then.
"""

from collections.abc import Sequence

from layercache.backends.redis import schema
from layercache.backends.redis.near.admission import Admission
from layercache.backends.redis.near.table import Ticket
from layercache.meta import LayerMeta


class Answers:
    """Decoders for `Exchange.ask`: each is given what was asked about, with its ticket, and the reply.

    Attributes:
        count: Of the layers that were answered about.
    """

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.count: int = 0

    def member(self, about: tuple[Ticket, str, str], reply: object) -> bool:
        """Read the reply to `member_query`."""
        ticket, repo, dgst = about
        self.count += 1
        is_member = schema.to_membership(repo, reply)
        self._admission.take(ticket, repo, dgst, is_member, None)
        return is_member

    def members(self, about: tuple[Ticket, str, Sequence[str]], reply: object) -> dict[str, bool]:
        """Read the reply to `members_query`."""
        ticket, repo, dgsts = about
        self.count += len(dgsts)
        answers = dict(zip(dgsts, schema.to_memberships((repo, dgsts), reply), strict=True))
        for dgst, is_member in answers.items():
            self._admission.take(ticket, repo, dgst, is_member, None)
        return answers

    def meta(self, about: tuple[Ticket, str], reply: object) -> LayerMeta | None:
        """Read the reply to `meta_query`."""
        ticket, dgst = about
        self.count += 1
        meta = schema.to_meta(dgst, reply)
        self._admission.take(ticket, None, dgst, False, meta)  # noqa: FBT003 - it was not asked
        return meta

    def stat(self, about: tuple[Ticket, str, str], replies: object) -> LayerMeta | None:
        """Read the replies to `meta_query` and `member_query`."""
        ticket, repo, dgst = about
        self.count += 1
        assert isinstance(replies, list)
        meta = schema.to_meta(dgst, replies[0])
        is_member = schema.to_membership(repo, replies[1])
        self._admission.take(ticket, repo, dgst, is_member, meta)
        return meta if is_member else None

    def stats(self, about: tuple[Ticket, str, Sequence[str]], replies: object) -> dict[str, LayerMeta | None]:
        """Read the replies to a `meta_query` for each and, last, to `members_query`; None is a miss."""
        ticket, repo, dgsts = about
        self.count += len(dgsts)
        assert isinstance(replies, list)
        metas = [schema.to_meta(*one) for one in zip(dgsts, replies[:-1], strict=True)]
        has = schema.to_memberships((repo, dgsts), replies[-1])
        answers: dict[str, LayerMeta | None] = {}
        for dgst, meta, is_member in zip(dgsts, metas, has, strict=True):
            self._admission.take(ticket, repo, dgst, is_member, meta)
            answers[dgst] = meta if is_member else None
        return answers
