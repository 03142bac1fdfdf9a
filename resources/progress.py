"""How the lab reports what it is doing.

Put here what every reporter takes. Keep out where reports go: Dagster's log (`resources.dagster_resources`) or the
terminal (`orchestration.commands.progress`).
"""

from typing import Protocol


class Reporter(Protocol):
    """Takes the reports of a run."""

    def stage(self, text: str) -> None:
        """Something begins, or has been found."""
        ...

    def replaying(self, label: str, done: int, total: int, waiting: int) -> None:
        """Of a replay, ``done`` of ``total`` requests are over and ``waiting`` messages are in the queue.

        Of a simulated replay only `finished` is reported.
        """
        ...

    def finished(self, label: str, text: str) -> None:
        """A replay is over; ``text`` says why it is invalid, and is empty for a valid one."""
        ...


class Silent:
    """Takes reports and drops them."""

    def stage(self, text: str) -> None:
        pass

    def replaying(self, label: str, done: int, total: int, waiting: int) -> None:
        pass

    def finished(self, label: str, text: str) -> None:
        pass
