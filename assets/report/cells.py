"""One workload under one scenario as the page shows it: its tables' rows, its charts, its sentences.

Belongs here: which figures a scenario has and from which query each is. How they are drawn is in
`assets.report.charts`, how they are laid out in ``page.html.j2``.
"""

from dataclasses import dataclass, field, fields
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from assets.report import charts, narrative, queries
from assets.report.narrative import NOUNS, Outcome, Window
from workloads.scenarios import Scenario

Rows = list[dict[str, Any]]

_QUERIES = {
    "summary": queries.SUMMARY,
    "recovery": queries.RECOVERY,
    "ledger": queries.LEDGER,
    "latency": queries.LATENCY,
    "door": queries.DOOR,
    "goodput": queries.GOODPUT,
    "backlog": queries.BACKLOG,
    "windows": queries.WINDOWS,
    "fates": queries.FATES,
}
_OPERATION_TITLES = {"command": "Orders (commands)", "query": "Queries"}


@dataclass(frozen=True)
class Chart:
    """A chart's place in the page: the key of its specification and what a screen reader says."""

    key: str
    text: str


@dataclass
class Cell:
    """One workload under one scenario, ready for the page. ``sql`` maps a figure's name to the query that gives it."""

    workload: str
    scenario: str
    title: str
    description: str
    speed: str
    anchor: str = ""
    answer: narrative.Answer = field(default_factory=lambda: narrative.answer([], [], []))
    caution: str | None = None
    invalid: list[str] = field(default_factory=list)
    styles: list[charts.Style] = field(default_factory=list)
    unmeasured: list[tuple[charts.Style, str]] = field(default_factory=list)
    operations: list[tuple[str, Rows]] = field(default_factory=list)
    recovery: Rows = field(default_factory=list)
    latency: list[tuple[str, list[Chart]]] = field(default_factory=list)
    over_time: list[Chart] = field(default_factory=list)
    ledger: list[tuple[str, Chart]] = field(default_factory=list)
    fates: list[tuple[str, str]] = field(default_factory=list)
    doors: list[tuple[str, str]] = field(default_factory=list)
    sql: dict[str, str] = field(default_factory=dict)
    few: bool = False


def table_of(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """What a query gives."""
    return connection.sql(sql).to_arrow_table()


def cell_of(
    connection: duckdb.DuckDBPyConnection,
    names: dict[str, str],
    scenario: Scenario | None,
    experiments: Rows,
    specs: dict[str, dict[str, Any]],
) -> Cell:
    """The cell that ``names`` says, from its replays; the charts it needs are added to ``specs`` by their keys."""
    sql = {name: queries.bound(text, **names) for name, text in _QUERIES.items()}
    cell = Cell(
        workload=names["workload"],
        scenario=names["scenario"],
        title=scenario.title if scenario else names["scenario"],
        description=scenario.description if scenario else "",
        speed=narrative.speeds(one["speed"] for one in experiments if one["speed"]),
        sql=sql,
        invalid=_invalid(experiments),
    )
    styles = {style.name: style for style in charts.styles(one["contender"] for one in experiments)}
    valid = {one["contender"] for one in experiments if one["valid"]}
    cell.styles = [style for name, style in styles.items() if name in valid]
    cell.unmeasured = [
        (style, next(one["invalid_reason"] for one in experiments if one["contender"] == name))
        for name, style in styles.items()
        if name not in valid
    ]
    if valid:
        _fill(connection, cell, styles, specs)
    return cell


def _invalid(experiments: Rows) -> list[str]:
    titles = titles_of(experiments)
    return [
        # Reasons of the books begin with the repetition themselves.
        f"{titles[one['contender']]}, {repetition}: {one['invalid_reason'].removeprefix(f'{repetition}, ')}"
        for one in experiments
        for repetition in (f"repetition {one['repetition']}",)
        if not one["valid"]
    ]


def titles_of(experiments: Rows) -> dict[str, str]:
    """How the contenders of these replays are called, by their names."""
    return {style.name: style.title for style in charts.styles(one["contender"] for one in experiments)}


def _fill(
    connection: duckdb.DuckDBPyConnection,
    cell: Cell,
    styles: dict[str, charts.Style],
    specs: dict[str, dict[str, Any]],
) -> None:
    """The cell's figures, from its valid replays."""
    order = list(styles)

    def ordered(name: str) -> Rows:
        rows = table_of(connection, cell.sql[name]).to_pylist()
        rows.sort(key=lambda row: (row.get("operation", ""), row.get("fault", 0), order.index(row["contender"])))
        return [{**row, "style": styles[row["contender"]]} for row in rows]

    summary, cell.recovery = ordered("summary"), ordered("recovery")
    for row in cell.recovery:
        row["words"] = narrative.fault_words(row["target"], row["kind"])
    for row in summary:
        row["failures"] = row["failed"] + row["timed_out"] + row["unsent"]
    operations = sorted({row["operation"] for row in summary})
    cell.operations = [
        (_OPERATION_TITLES.get(one, one), [row for row in summary if row["operation"] == one]) for one in operations
    ]
    cell.few = any(row["n_least"] is not None and row["n_least"] < 100 for row in summary)
    outcomes, windows = _typed(Outcome, summary), _typed(Window, cell.recovery)
    cell.answer = narrative.answer(outcomes, windows, [style.title for style, _ in cell.unmeasured])
    cell.caution = narrative.rule_of_three(outcomes)

    def place(chart: charts.Drawing, text: str) -> Chart:
        key = f"chart-{len(specs) + 1}"
        specs[key] = charts.specification(chart)
        return Chart(key, f"{text}, {cell.title}, {cell.workload}")

    curves, door, goodput, backlog, windows_table, fates = (
        table_of(connection, cell.sql[name]) for name in ("latency", "door", "goodput", "backlog", "windows", "fates")
    )
    drawable = {row["operation"] for row in curves.to_pylist()}
    for operation in operations:
        noun = NOUNS.get(operation, operation)
        if operation in drawable:
            panels = [
                place(
                    charts.latency_panel(curves, operation=operation, measure=measure),
                    f"Share of offered {noun} over time to {measure}, cumulative",
                )
                for measure in ("response", "completion")
            ]
            cell.latency.append((noun, panels))
        bars = charts.ledger_panel(fates, operation=operation)
        cell.ledger.append((noun, place(bars, f"What became of the offered {noun}")))
    cell.fates = _drawn(charts.FATES, fates)
    cell.doors = _drawn(charts.DOOR, door.filter(pc.greater(door["per_s"], 0)))
    end_s = charts.end_of_time_s(door, goodput, backlog)
    cell.over_time = [
        place(
            charts.door_panel(door, windows_table, name=style.name, end_s=end_s),
            f"Requests per second by answer, {style.title}",
        )
        for style in cell.styles
    ]
    waited = any(backlog.column("waiting").to_pylist())
    if goodput.num_rows:
        panel = charts.lines_panel(charts.GOODPUT, goodput, windows_table, end_s=end_s, last=not waited)
        cell.over_time.append(place(panel, "Orders stored per second"))
    if waited:
        panel = charts.lines_panel(charts.BACKLOG, backlog, windows_table, end_s=end_s)
        cell.over_time.append(place(panel, "Messages waiting"))


def _drawn(legend: dict[str, tuple[str, str]], table: pa.Table) -> list[tuple[str, str]]:
    """The legend's entries, titles and colours, of what a chart has anything of."""
    seen = set(table["fate"].to_pylist())
    return [entry for name, entry in legend.items() if name in seen]


def _typed(kind: type[Any], rows: Rows) -> list[Any]:
    """Rows as what `narrative` reads; its contenders are titles."""
    names = [one.name for one in fields(kind)]
    return [kind(**{**{name: row[name] for name in names}, "contender": row["style"].title}) for row in rows]
