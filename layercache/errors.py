"""Every error that this library raises.

A caller who catches `LayerCacheError` has caught them all; a driver's own
exception is the `__cause__` of one of these and never escapes bare. Where the
standard library has a word for the kind (`ValueError`, `LookupError`,
`TimeoutError`), the error is one of those too.
"""

MOST_SHOWN = 100  # characters of a value


def shown(value: object) -> str:
    """Show *value* in a message: cut short where it is long, by its type where it cannot be shown."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # of an int with 5,000 digits, or of a class of the caller's
        return f"some {type(value).__name__}"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


class LayerCacheError(Exception):
    """The root of every error of this library."""


class InvalidArgumentError(LayerCacheError, ValueError):
    """An argument is malformed; nothing was asked of any store."""


class NotFoundError(LayerCacheError, LookupError):
    """Nothing is known of *dgst*: a miss, not a failure."""

    def __init__(self, dgst: str) -> None:
        super().__init__(dgst)  # Keeps the error picklable.
        self.dgst = dgst

    def __str__(self) -> str:
        return f"nothing is known of {self.dgst}"


class UnsupportedError(LayerCacheError):
    """What was asked for is not what this cache or this source can do; the message says what can."""


class ContextError(LayerCacheError):
    """The context of the call has ended, so the call has."""


class CanceledError(ContextError):
    """The context was cancelled."""

    def __str__(self) -> str:
        return super().__str__() or "context canceled"


class DeadlineExceededError(ContextError, TimeoutError):
    """The deadline of the context passed."""

    def __str__(self) -> str:
        return super().__str__() or "context deadline exceeded"


class EventLoopError(LayerCacheError, RuntimeError):
    """Used where it cannot work: outside of asyncio, in a second event loop, or in a forked process.

    It tells of a mistake in a program, so nothing that makes do without a
    backend makes do without this one. Nothing was sent.
    """


class BackendError(LayerCacheError):
    """A store answered with an error."""


class BackendUnavailableError(BackendError):
    """A store could not be reached, or is not ready to answer."""


class CorruptEntryError(BackendError):
    """An entry is there and makes no sense.

    Attributes:
        key: Where the entry lies: a Redis key, or a path in the storage; of
            what a source said, the source, the digest and what is wrong.
        field: Which part of it is malformed; empty when it is the whole.
    """

    def __init__(self, key: str, field: str = "") -> None:
        super().__init__(key, field)
        self.key = key
        self.field = field

    def __str__(self) -> str:
        part = f", field {self.field}" if self.field else ""
        return f"corrupt entry: {self.key}{part}"
