"""From the headers of a request to its context; of no framework."""

import math
import re
import uuid
from collections.abc import Mapping
from typing import NamedTuple

from layercache.context import CancelableContext, Context, background

REQUEST_ID = "layercache.request_id"
"""The key of a context's value: what the request is called, in a log for instance; a `str`."""

TRACEPARENT = "layercache.traceparent"
"""The key of a context's value: the W3C trace context that the client sent, a `str`; absent without one."""

REQUEST_SECONDS = 30.0

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)


class ClientDisconnectedError(ConnectionError):
    """The client went away: the cause of the end of its request's context."""


class RequestPolicy(NamedTuple):
    """What a request gets from the server, whatever it asks for.

    Attributes:
        seconds: How long what the request asks may take; infinity: for ever.
        timeout_header: Names the header by which a client may ask for less:
            seconds, as `2.5`. None: it may not.
    """

    seconds: float = REQUEST_SECONDS
    timeout_header: str | None = None

    def begin(self, headers: Mapping[str, str]) -> CancelableContext:
        """Return the context of a request with *headers*, which are looked up in lower case."""
        return carrying(headers).with_timeout(min(self.seconds, self._asked_for(headers)))

    def _asked_for(self, headers: Mapping[str, str]) -> float:
        asked = "" if self.timeout_header is None else headers.get(self.timeout_header.lower(), "")
        return float(asked) if _SECONDS.fullmatch(asked) else math.inf


def request_id(ctx: Context) -> str:
    """Return what the request of *ctx* is called; empty if it has no name."""
    name = ctx.value(REQUEST_ID)
    return name if isinstance(name, str) else ""


def carrying(headers: Mapping[str, str]) -> Context:
    """Return a context without an end that carries what *headers* say: `REQUEST_ID`, `TRACEPARENT`.

    Nothing malformed is taken over: who has no usable name gets a new one.
    """
    name = headers.get("x-request-id", "")
    ctx = background().with_value(REQUEST_ID, name if _REQUEST_ID.fullmatch(name) else uuid.uuid4().hex)
    trace = headers.get("traceparent", "")
    return ctx.with_value(TRACEPARENT, trace) if _TRACEPARENT.fullmatch(trace) else ctx
