"""One workload under one scenario as the page shows it: its tables' rows, its charts, its sentences.

Put here which figures a scenario has and from which query each is. Keep drawing out (`assets.report.charts`), wording
(`assets.report.words`), and the layout, which is ``page.html.j2``.
"""

from dataclasses import dataclass, field, fields
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from assets.report import queries
from assets.report.charts.fates import ledger_panel
from assets.report.charts.latency import MEASURES, latency_panel
from assets.report.charts.over_time import (
    BACKLOG,
    CONCURRENCY,
    GOODPUT,
    answers_panel,
    end_of_time_s,
    latency_over_time_panel,
    lines_panel,
)
from assets.report.charts.rendering import Chart, chart
from assets.report.charts.style import ANSWERS, FATES, Drawing, Style, styles_by_name
from assets.report.queries import Rows, table_of
from assets.report.words.answers import Answer, Outcome, Window, answer, rule_of_three
from assets.report.words.titles import done_title, fault_title, operation_title, speeds_title
from workloads.scenarios import Scenario

_QUERIES = {
    "summary": queries.SUMMARY,
    "recovery": queries.RECOVERY,
    "ledger": queries.LEDGER,
    "latency": queries.LATENCY,
    "answers": queries.ANSWERS,
    "goodput": queries.GOODPUT,
    "backlog": queries.BACKLOG,
    "concurrency": queries.CONCURRENCY,
    "windows": queries.WINDOWS,
    "latency_over_time": queries.LATENCY_OVER_TIME,
    "fates": queries.FATES,
}


@dataclass
class CellSection:
    """One workload under one scenario, ready for the page.

    Attributes:
        speed: How many times as fast as recorded, in words; ``times_as_fast`` is the number, 1 where it is not one.
        anchor: The section's name within the page.
        rests_on: What the title says of behaviours of AWS that the target lacks; empty for none.
        answer: What happened, in words.
        caution: What it means that nothing was lost.
        invalid: Why replays are invalid.
        styles: The contenders with a valid replay.
        unmeasured: The others, each with the reason.
        operations: Titles of operations and their rows of the summary.
        recovery: What each fault did to each contender.
        latency: Titles of operations and their charts; so is ``ledger``.
        answers_over_time: A chart of answers for each contender; ``over_time`` are those of all of them, with the same
            time axis.
        latency_over_time: A chart for each operation.
        waited: Whether anything waited in a queue.
        fates: The legend of ``ledger``: titles and colours.
        answers: The legend of ``over_time``, alike.
        sql: The query that gives each of these, by its name.
        few: Whether some p99 is not given, since too few requests lie beyond it.
    """

    workload: str
    scenario: str
    title: str
    description: str
    speed: str
    times_as_fast: float = 1.0
    anchor: str = ""
    rests_on: str = ""
    answer: Answer = field(default_factory=lambda: answer([], [], []))
    caution: str | None = None
    invalid: list[str] = field(default_factory=list)
    styles: list[Style] = field(default_factory=list)
    unmeasured: list[tuple[Style, str]] = field(default_factory=list)
    operations: list[tuple[str, Rows]] = field(default_factory=list)
    recovery: Rows = field(default_factory=list)
    latency: list[tuple[str, list[Chart]]] = field(default_factory=list)
    answers_over_time: list[Chart] = field(default_factory=list)
    over_time: list[Chart] = field(default_factory=list)
    latency_over_time: list[Chart] = field(default_factory=list)
    waited: bool = False
    ledger: list[tuple[str, Chart]] = field(default_factory=list)
    fates: list[tuple[str, str]] = field(default_factory=list)
    answers: list[tuple[str, str]] = field(default_factory=list)
    sql: dict[str, str] = field(default_factory=dict)
    few: bool = False


def cell_section(
    connection: duckdb.DuckDBPyConnection,
    names: dict[str, str],
    scenario: Scenario | None,
    experiments: Rows,
) -> CellSection:
    """One workload under one scenario, from its replays.

    Args:
        connection: To the published database.
        names: ``comparison_id``, ``workload`` and ``scenario``.
        scenario: None where it is not in the library any more.
        experiments: The cell's rows of `queries.EXPERIMENTS`.
    """
    styles = styles_by_name(experiments)
    valid = {one["contender"] for one in experiments if one["valid"]}
    speeds = {one["speed"] for one in experiments if one["speed"]}
    section = CellSection(
        workload=names["workload"],
        scenario=names["scenario"],
        title=scenario.title if scenario else names["scenario"],
        description=scenario.description if scenario else "",
        speed=speeds_title(speeds),
        times_as_fast=float(speeds.pop()) if len(speeds) == 1 else 1.0,
        invalid=_invalid(experiments, styles),
        styles=[style for name, style in styles.items() if name in valid],
        unmeasured=[
            (style, next(one["invalid_reason"] for one in experiments if one["contender"] == name))
            for name, style in styles.items()
            if name not in valid
        ],
        sql={name: queries.bound(text, **names) for name, text in _QUERIES.items()},
    )
    if valid:
        # The ledger's rows are among the summary's: its query is shown, but need not be run.
        tables = {name: table_of(connection, sql) for name, sql in section.sql.items() if name != "ledger"}
        _add_rows(section, tables, styles)
        _add_charts(section, tables)
    return section


def _invalid(experiments: Rows, styles: dict[str, Style]) -> list[str]:
    reasons = []
    for one in experiments:
        if not one["valid"]:
            repetition = f"repetition {one['repetition']}"
            # Reasons about the books begin with the repetition themselves.
            reason = one["invalid_reason"].removeprefix(f"{repetition}, ")
            reasons.append(f"{styles[one['contender']].title}, {repetition}: {reason}")
    return reasons


def _add_rows(section: CellSection, tables: dict[str, pa.Table], styles: dict[str, Style]) -> None:
    """The rows of the section's tables, and what they come to in words."""
    order = list(styles)

    def ordered(name: str) -> Rows:
        rows = tables[name].to_pylist()
        rows.sort(key=lambda row: (row.get("operation", ""), row.get("fault", 0), order.index(row["contender"])))
        return [{**row, "style": styles[row["contender"]]} for row in rows]

    summary, section.recovery = ordered("summary"), ordered("recovery")
    for row in section.recovery:
        row["speed"] = section.times_as_fast
        row["title"] = fault_title(row["target"], row["kind"])
    for row in summary:
        row["failures"] = row["failed"] + row["timed_out"] + row["unsent"]
    section.operations = [
        (operation_title(operation).capitalize(), [row for row in summary if row["operation"] == operation])
        for operation in dict.fromkeys(row["operation"] for row in summary)
    ]
    section.few = any(row["min_n"] is not None and row["min_n"] < queries.P99_TAKES for row in summary)
    outcomes, windows = _typed(Outcome, summary), _typed(Window, section.recovery)
    section.answer = answer(outcomes, windows, [style.title for style, _ in section.unmeasured])
    section.caution = rule_of_three(outcomes)


def _add_charts(section: CellSection, tables: dict[str, pa.Table]) -> None:
    """The section's charts, and the entries of their legends."""

    def add(drawing: Drawing, text: str) -> Chart:
        return chart(drawing, f"{text}, {section.title}, {section.workload}")

    curves, answers, goodput, backlog = (tables[name] for name in ("latency", "answers", "goodput", "backlog"))
    windows, fates = tables["windows"], tables["fates"]
    drawable = set(curves["operation"].to_pylist())
    for operation in sorted(set(tables["summary"]["operation"].to_pylist())):
        noun = operation_title(operation)
        if operation in drawable:
            panels = [
                add(
                    latency_panel(curves, operation=operation, measure=measure),
                    f"Share of offered {noun} over time to {measure}, cumulative",
                )
                for measure in MEASURES
            ]
            section.latency.append((noun, panels))
        bars = add(ledger_panel(fates, operation=operation), f"What became of the offered {noun}")
        section.ledger.append((noun, bars))
    section.fates = _legend(FATES, fates)
    section.answers = _legend(ANSWERS, answers.filter(pc.greater(answers["per_s"], 0)))
    end_s = end_of_time_s(answers, goodput, backlog)
    for style in section.styles:
        panel = answers_panel(answers, windows, name=style.name, end_s=end_s)
        section.answers_over_time.append(add(panel, f"Requests per second by answer, {style.title}"))
    section.waited = any(backlog["waiting"].to_pylist())
    if goodput.num_rows:
        text = f"{operation_title('command').capitalize()} {done_title('command')} per second"
        section.over_time.append(add(lines_panel(GOODPUT, goodput, windows, end_s=end_s), text))
    if section.waited:
        section.over_time.append(add(lines_panel(BACKLOG, backlog, windows, end_s=end_s), "Messages waiting"))
    if tables["concurrency"].num_rows:
        panel = lines_panel(CONCURRENCY, tables["concurrency"], windows, end_s=end_s)
        section.over_time.append(add(panel, "Execution environments at work"))
    over_time = tables["latency_over_time"]
    for operation in sorted({row["operation"] for row in over_time.to_pylist() if row["p50_us"] is not None}):
        panel = latency_over_time_panel(over_time, windows, operation=operation, end_s=end_s)
        text = f"Time until {operation_title(operation)} were done, over time"
        section.latency_over_time.append(add(panel, text))


def _legend(entries: dict[str, tuple[str, str]], table: pa.Table) -> list[tuple[str, str]]:
    """The legend's entries, titles and colours, of what a chart has anything of."""
    seen = set(table["fate"].to_pylist())
    return [entry for name, entry in entries.items() if name in seen]


def _typed(kind: type[Any], rows: Rows) -> list[Any]:
    """Rows as what `assets.report.words.answers` reads; its contenders are titles."""
    names = [one.name for one in fields(kind)]
    return [kind(**{**{name: row[name] for name in names}, "contender": row["style"].title}) for row in rows]
