"""A clock that is turned by hand."""


class ManualClock:
    """Stands in for `time.monotonic` where a clock can be given."""

    def __init__(self, now: float = 0.0) -> None:
        """Begin at *now*, in seconds."""
        self._now = now

    def __call__(self) -> float:
        """The hand's position, in seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Turn the hand; a clock does not go backwards."""
        if seconds < 0:
            raise ValueError("a monotonic clock does not go backwards")
        self._now += seconds

    def __repr__(self) -> str:
        return f"<ManualClock {self._now}>"
