"""Progress of the lab's work on a terminal.

Put here how progress is drawn. Keep results out (`orchestration.commands.summary`).
"""

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from orchestration.commands.terminal import PlainConsole
from workloads.printable import printable


class TerminalReporter:
    """Draws progress bars on a terminal and prints plain lines elsewhere, as `resources.progress.Reporter`.

    A context manager: leaving it ends the drawing.
    """

    def __init__(self, console: PlainConsole) -> None:
        self._console = console
        self._is_terminal = console.is_terminal
        self._tasks: dict[str, TaskID] = {}
        self._stage: TaskID | None = None
        self._reported: tuple[str, int] = ("", -1)  # the replay, and the quarter of it
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_stage()
        self._progress.stop()

    def stage(self, text: str) -> None:
        if not self._is_terminal:
            self._console.print(text)
            return
        self._end_stage()
        self._stage = self._progress.add_task(printable(text), total=None, note="")

    def replaying(self, label: str, done: int, total: int, waiting: int) -> None:
        note = f"settling, {waiting} in the queue" if done >= total else f"{waiting} in the queue" if waiting else ""
        if not self._is_terminal:
            quarter = 4 * done // max(total, 1)
            if (label, quarter) != self._reported:
                self._reported = (label, quarter)
                self._console.print(", ".join(filter(None, (f"  {label}: {done:,} of {total:,} requests", note))))
            return
        self._end_stage()
        if label not in self._tasks:
            self._tasks[label] = self._progress.add_task(printable(label), total=total, note="")
        self._progress.update(self._tasks[label], completed=done, note=note)

    def finished(self, label: str, text: str) -> None:
        if label in self._tasks:
            self._progress.update(self._tasks[label], note="done")
            self._progress.stop_task(self._tasks[label])
        elif self._stage is not None:  # a simulated replay, which is over too soon for a bar of its own
            self._progress.update(self._stage, note=f"{printable(label)}: done", refresh=True)
        if text:
            self._console.print(f"{label}: INVALID: {text}", style="yellow")

    def _end_stage(self) -> None:
        if self._stage is not None:
            self._progress.remove_task(self._stage)
            self._stage = None
