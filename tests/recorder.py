"""An observer that keeps what it gets."""

from layercache import Event, Observer


class Recorder(Observer):
    """Keeps every event."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def observe(self, event: Event) -> None:
        self.events.append(event)

    @property
    def lines(self) -> list[str]:
        """Each event as tier, operation and outcome."""
        return [f"{event.tier} {event.operation} {event.outcome}" for event in self.events]
