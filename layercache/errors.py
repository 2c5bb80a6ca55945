"""Every error that this library raises.

A caller who catches `LayerCacheError` has caught them all; a driver's own
exception is the `__cause__` of one of these and never escapes bare. Where the
standard library has a word for the kind (`ValueError`, `LookupError`,
`TimeoutError`), the error is one of those too.
"""


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


class BackendError(LayerCacheError):
    """A store answered with an error."""


class BackendUnavailableError(BackendError):
    """A store could not be reached, or is not ready to answer."""


class CorruptEntryError(BackendError):
    """An entry is there and makes no sense.

    Attributes:
        key: Where the entry lies: a Redis key, or a path in the storage.
        field: Which part of it is malformed; empty when it is the whole.
    """

    def __init__(self, key: str, field: str = "") -> None:
        super().__init__(key, field)
        self.key = key
        self.field = field

    def __str__(self) -> str:
        part = f", field {self.field}" if self.field else ""
        return f"corrupt entry: {self.key}{part}"


def shown(value: object) -> str:
    """Return *value* as a message quotes it: shortened to 100 characters.

    An int of more than 4,300 digits cannot be written at all (`sys.set_int_max_str_digits`).
    """
    try:
        return f"{value!r:.100}"
    except Exception:  # noqa: BLE001 - whatever it is, a message must not fail for it
        return f"a value of type {type(value).__name__} that cannot be written"
