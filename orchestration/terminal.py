"""How the command line looks: progress while the lab works, tables of what came out. Prints, computes nothing."""

from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from resources.stack import DEFAULT_VARIANT


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


def milliseconds(value_us: float | None) -> str:
    """Microseconds for people: milliseconds below a second, seconds above; a dash where there is none."""
    if value_us is None:
        return "-"
    return f"{value_us / 1e3:.0f} ms" if value_us < 999_500 else f"{value_us / 1e6:,.1f} s"


def share(part: int, whole: int) -> str:
    """A percentage that never rounds to 0 or 100 what is not."""
    if not whole:
        return "-"
    if part in (0, whole):
        return f"{100 * part // whole} %"
    return f"{min(max(100 * part / whole, 0.1), 99.9):.1f} %"


# Shown where a row of the scenario has any.
_EVENTUALITIES = {
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
    # With every column there may be, seven characters decide whether a line fits into 160.
    table.show_edge = table.pad_edge = False
    table.add_column("")
    table.add_column("architecture")
    seen = [name for name in _EVENTUALITIES if any(row[name] for row in rows)]
    for heading in (
        "offered",
        "acknow-\nledged",
        "refused",
        "done",
        "lost",
        *(_EVENTUALITIES[name] for name in seen),
        "response\np50 / p99",
        "completion\np50 / p99",
        "backlog\nat most",
    ):
        table.add_column(heading, justify="right")
    last = None
    for row in rows:
        operation = {"command": "orders", "query": "queries"}[row["operation"]]
        if last not in (None, operation):
            table.add_section()
        variant = "" if row["variant"] == DEFAULT_VARIANT else f" ({row['variant']})"
        table.add_row(
            "" if last == operation else operation,
            f"{row['architecture']}{variant}",
            f"{row['offered']:,}",
            share(row["acknowledged"], row["offered"]),
            f"{row['throttled'] + row['failed']:,}",
            share(row["committed"], row["offered"]),
            # Acknowledged and never done: those that died are counted beside it.
            f"{row['lost'] + row['stuck'] - row['dead_lettered']:,}",
            *(f"{row[name]:,}" for name in seen),
            f"{milliseconds(row['response_p50_us'])} / {milliseconds(row['response_p99_us'])}",
            f"{milliseconds(row['completion_p50_us'])} / {milliseconds(row['completion_p99_us'])}",
            f"{row['backlog_max'] or 0:,}",
        )
        last = operation
    return table


def rows_table(rows: pa.Table) -> Table:
    """Any rows."""
    table = Table(header_style="bold")
    for field in rows.schema:
        table.add_column(field.name, justify="right" if pa.types.is_integer(field.type) else "left")
    for row in rows.to_pylist():
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    return table
