"""How a run tells what it is doing. The lab reports; a terminal, a log or nothing listens."""

from typing import Protocol


class Reporter(Protocol):
    """Listens to a run. ``stage`` says what begins; ``replaying`` how far a replay is, as often as it likes."""

    def stage(self, text: str) -> None: ...

    def replaying(self, label: str, done: int, total: int, waiting: int) -> None:
        """``done`` of ``total`` requests are over; ``waiting`` messages are in the queue."""
        ...

    def finished(self, label: str, text: str) -> None: ...


class Silent:
    """Listens to nothing."""

    def stage(self, text: str) -> None:
        pass

    def replaying(self, label: str, done: int, total: int, waiting: int) -> None:
        pass

    def finished(self, label: str, text: str) -> None:
        pass
