"""How the command line looks: progress while the lab works, tables of what came out. Prints, computes nothing."""

import json
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from assets.report.figures import NO_BREAK, count, duration, percent
from assets.report.narrative import NOUNS
from resources.architectures.stack import DEFAULT_VARIANT


class TerminalReporter:
    """Progress bars on a terminal, plain lines elsewhere. A context manager: leaving it ends the drawing."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._is_terminal = console.is_terminal
        self._tasks: dict[str, TaskID] = {}
        self._stage: TaskID | None = None
        self._said: tuple[str, int] = ("", -1)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
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
            self._console.print(text, highlight=False, markup=False)
            return
        self._end_stage()
        self._stage = self._progress.add_task(text, total=None, note="")

    def replaying(self, label: str, done: int, total: int, waiting: int) -> None:
        note = f"settling, {waiting} in the queue" if done >= total else f"{waiting} in the queue" if waiting else ""
        if not self._is_terminal:
            quarter = 4 * done // max(total, 1)
            if (label, quarter) != self._said:
                self._said = (label, quarter)
                self._console.print(f"  {label}: {done} of {total} requests {note}", highlight=False, markup=False)
            return
        self._end_stage()
        if label not in self._tasks:
            self._tasks[label] = self._progress.add_task(label, total=total, note="")
        self._progress.update(self._tasks[label], completed=done, note=note)

    def finished(self, label: str, text: str) -> None:
        if label in self._tasks:
            self._progress.update(self._tasks[label], note="done")
            self._progress.stop_task(self._tasks[label])
        if text:
            self._console.print(f"{label}: INVALID: {text}", highlight=False, markup=False, style="yellow")

    def _end_stage(self) -> None:
        if self._stage is not None:
            self._progress.remove_task(self._stage)
            self._stage = None


# Shown where a row of the scenario has any.
_EVENTUALITIES = {
    "in_flight": "wait-\ning",  # in a queue when watching ended
    "dead_lettered": "dead\nletters",
    "duplicates": "dupli-\ncates",
    "reordered": "out of\nturn",
    "ghost_commits": "ghost\ncommits",
}


def comparison_tables(summary: pa.Table) -> list[Table]:
    """One table per workload and scenario from rows of the view ``summary``."""
    cells: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in summary.to_pylist():
        cells.setdefault((row["workload"], row["scenario"]), []).append(row)
    return [_cell_table(workload, scenario, rows) for (workload, scenario), rows in cells.items()]


def _cell_table(workload: str, scenario: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(title=f"{scenario}  ({workload})", title_justify="left", title_style="bold", header_style="dim")
    # With every column there may be, a few characters decide whether a line fits into 160.
    table.show_edge = table.pad_edge = False
    table.add_column("architecture")
    seen = [name for name in _EVENTUALITIES if any(row[name] for row in rows)]
    for heading in (
        "offered",
        "acknow-\nledged %",
        "refused",
        "done %",
        "lost",
        *(_EVENTUALITIES[name] for name in seen),
        "response\np50 / p99",
        "completion\np50 / p99",
        "backlog\nat most",
    ):
        table.add_column(heading, justify="right")
    last = None
    for row in rows:
        operation = NOUNS[row["operation"]]
        if operation != last:
            table.add_section()
            table.add_row(operation, style="bold")
        last = operation
        variant = "" if row["variant"] == DEFAULT_VARIANT else f" ({row['variant']})"
        table.add_row(
            f"{row['architecture']}{variant}",
            count(row["offered"]),
            _share(row["acknowledged"], row["offered"]),
            count(row["throttled"] + row["failed"]),
            _share(row["committed"], row["offered"]),
            count(row["lost"]),
            *(count(row[name]) for name in seen),
            _times(row["response_p50_us"], row["response_p99_us"]),
            _times(row["completion_p50_us"], row["completion_p99_us"]),
            count(row["backlog_max"] or 0),
        )
    return table


def _share(part: int, whole: int) -> str:
    return percent(part / whole if whole else None)


def _times(*us: float | None) -> str:
    # What is copied from a terminal should hold plain spaces.
    return " / ".join(duration(one) for one in us).replace(NO_BREAK, " ")


def flat(rows: pa.Table) -> pa.Table:
    """The rows for a format without lists and structures: these as JSON."""
    columns = [
        pa.array(
            [None if value is None else json.dumps(value, default=str) for value in column.to_pylist()], pa.string()
        )
        if pa.types.is_nested(column.type)
        else column
        for column in rows.columns
    ]
    return pa.Table.from_arrays(columns, names=rows.column_names)


def rows_table(rows: pa.Table) -> Table:
    """Any rows."""
    table = Table(header_style="bold")
    for field in rows.schema:
        table.add_column(field.name, justify="right" if pa.types.is_integer(field.type) else "left")
    for row in rows.to_pylist():
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    return table
