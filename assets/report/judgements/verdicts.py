"""Verdicts of architectures on each other, and of each on itself: their rows, tables and charts.

Put here what the report shows of ``pairwise`` and ``noise``. Keep judging out (`assets.analysis.verdicts`), and drawing
(`assets.report.charts.intervals`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from assets.report.charts.intervals import intervals_drawable, intervals_panel
from assets.report.charts.rendering import Chart, chart
from assets.report.charts.style import Style, styles, styles_by_name
from assets.report.judgements import queries
from assets.report.queries import Rows, bound, table_of
from assets.report.words.judged import false_positives, retries_sentence, verdict_sentence
from assets.report.words.numbers import finite
from assets.report.words.titles import VERDICTS, Mark, counted, counted_title, mark, operation_title, unit_title

CellTitles = Mapping[tuple[str, str], str]  # (workload, scenario) to a title

_DRAWN = ("operation", "contender", "metric", "unit", "difference", "ci_low", "ci_high", "margin", "verdict", "pairs")


@dataclass
class OperationVerdicts:
    """The verdicts on one operation of a cell.

    Attributes:
        noun: What its requests are called.
        lines: For each candidate its style, its baseline's title, and its rows by metric.
        panels: The charts of these lines.
        not_judged: Which candidates have no line, and why.
        sentences: What is decided, one for each candidate.
    """

    noun: str
    lines: list[tuple[Style, str, dict[str, Any]]] = field(default_factory=list)
    panels: list[Chart] = field(default_factory=list)
    not_judged: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)


@dataclass
class CellVerdicts:
    """The verdicts on one workload under one scenario."""

    workload: str
    scenario: str
    title: str
    operations: list[OperationVerdicts]
    sql: str


@dataclass
class Verdicts:
    """All verdicts of one arm.

    Attributes:
        rows: Their rows of ``pairwise``, with words; ``notes`` are the numbers of their ``reasons``, from 1.
        metrics: The ``measure`` of any of them, in the order of the table.
        reasons: Why some decide nothing, each once.
        retries: Which of them depend on whether anybody tries again, a sentence for each way that was replayed.
    """

    rows: Rows
    cells: list[CellVerdicts]
    metrics: list[str]
    sql: str
    styles: list[Style]
    reasons: list[str]
    retries: list[str] = field(default_factory=list)

    @property
    def counts(self) -> list[tuple[Mark, int]]:
        """How many there are of each."""
        return counted((row["verdict"] for row in self.rows), VERDICTS)

    @property
    def gist(self) -> str:
        """How many there are of each, in a phrase."""
        return counted_title(self.counts) if self.rows else "none"

    def sentences(self, workload: str, scenario: str) -> list[str]:
        """What is decided of one cell, a sentence for each operation and candidate."""
        return [
            sentence
            for cell in self.cells
            if (cell.workload, cell.scenario) == (workload, scenario)
            for one in cell.operations
            for sentence in one.sentences
        ]


@dataclass
class Noise:
    """The noise floor: the A/A arm's verdicts, and the power that its noise leaves, by metric."""

    verdicts: Verdicts
    power: Rows
    sentence: str
    sql: str


def verdicts_of(connection: duckdb.DuckDBPyConnection, comparison_id: str, arm: str, titles: CellTitles) -> Verdicts:
    """The verdicts of one arm, ``main`` or ``aa``."""
    sql = bound(queries.PAIRWISE, comparison_id=comparison_id, arm=arm)
    rows = table_of(connection, sql).to_pylist()
    for row in rows:
        # Times of all offered requests stand beside those of the acknowledged ones.
        row["measure"] = (
            f"{row['metric']}_of_all" if row["unit"] == "ratio" and row["requests"] == "offered" else row["metric"]
        )
    metrics = _in_order([(row["measure"], row["unit"]) for row in rows])
    by_name = styles_by_name(rows)
    baselines = {style.name.partition("~")[0]: style.title for style in styles({row["baseline"] for row in rows})}
    for row in rows:
        row |= {
            "style": by_name[row["contender"]],
            "baseline_title": baselines[row["baseline"]],
            "cell": titles.get((row["workload"], row["scenario"]), row["scenario"]),
            "noun": operation_title(row["operation"]),
            "mark": mark(row["verdict"], VERDICTS),
        }
    places, order = list(titles), list(by_name)
    rows.sort(
        key=lambda row: (
            places.index(cell) if (cell := (row["workload"], row["scenario"])) in titles else len(places),
            cell,
            row["operation"],
            order.index(row["contender"]),
            metrics.index(row["measure"]),
        )
    )
    cells = []
    for workload, scenario in dict.fromkeys((row["workload"], row["scenario"]) for row in rows):
        of_cell = [row for row in rows if (row["workload"], row["scenario"]) == (workload, scenario)]
        operations = [
            _of_operation(operation, of_cell, arm) for operation in dict.fromkeys(row["operation"] for row in of_cell)
        ]
        names = {"comparison_id": comparison_id, "arm": arm, "workload": workload, "scenario": scenario}
        cell_sql = bound(queries.PAIRWISE_CELL, **names)
        cells.append(CellVerdicts(workload, scenario, of_cell[0]["cell"], operations, cell_sql))
    retries = _retries(connection, comparison_id, titles) if arm == "main" else []
    return Verdicts(rows, cells, metrics, sql, list(by_name.values()), _noted(rows), retries)


def _retries(connection: duckdb.DuckDBPyConnection, comparison_id: str, titles: CellTitles) -> list[str]:
    rows = table_of(connection, bound(queries.RETRIES, comparison_id=comparison_id)).to_pylist()
    architectures = {style.name.partition("~")[0]: style.title for style in styles({row["candidate"] for row in rows})}
    found: dict[tuple[str, ...], Rows] = {}
    for row in rows:
        found.setdefault(
            tuple(row[name] for name in ("workload", "scenario", "who", "scenario_with_retries")), []
        ).append(row)
    return [
        retries_sentence(
            of_one, {scenario: title for (name, scenario), title in titles.items() if name == workload}, architectures
        )
        for (workload, *_), of_one in found.items()
    ]


def _noted(rows: Rows) -> list[str]:
    """Why verdicts decide nothing, each reason once; the rows get its number."""
    reasons: dict[str, int] = {}
    for row in rows:
        found = [one for one in (row["reason"], row["not_shown_here"]) if one]
        if row["pairs_needed"]:
            found.append(f"About {row['pairs_needed']:,} pairs would be needed.")
        row["notes"] = [reasons.setdefault(one, len(reasons) + 1) for one in found]
    return list(reasons)


def _in_order(metrics: Sequence[tuple[str, str]]) -> list[str]:
    """Shares, then response times, then completion times, then whatever else there is."""

    def place(one: tuple[str, str]) -> tuple[bool, int, str]:
        metric, unit = one
        rank = next((at for at, name in enumerate(("response", "completion")) if metric.startswith(name)), 2)
        return unit != "share", rank, metric

    return [metric for metric, _ in sorted(set(metrics), key=place)]


def _of_operation(operation: str, of_cell: Rows, arm: str) -> OperationVerdicts:
    rows = [row for row in of_cell if row["operation"] == operation]
    found = OperationVerdicts(operation_title(operation))
    reasons: dict[str, list[str]] = {}
    for contender in dict.fromkeys(row["contender"] for row in rows):
        of_one = [row for row in rows if row["contender"] == contender]
        style, baseline = of_one[0]["style"], of_one[0]["baseline_title"]
        # A line of nothing but dashes says less than its reason.
        if not any(finite(row[name]) is not None for row in of_one for name in ("difference", "candidate_value")):
            reason = next((row["reason"] for row in of_one if row["reason"]), "nothing could be paired")
            reasons.setdefault(reason, []).append(style.title)
            continue
        found.lines.append((style, baseline, {row["measure"]: row for row in of_one}))
        if arm == "main":
            found.sentences.append(f"{found.noun.capitalize()}, {verdict_sentence(style.title, baseline, of_one)}")
    found.not_judged = [f"{', '.join(names)}: {reason}" for reason, names in reasons.items()]
    table = pa.Table.from_pylist([{name: row[name] for name in _DRAWN} for row in of_cell])
    for unit in sorted({row["unit"] for row in rows}, reverse=True):
        if intervals_drawable([row for row in rows if row["unit"] == unit]):
            panel = intervals_panel(table, operation=operation, unit=unit)
            text = f"{unit_title(unit)} of {found.noun}: differences with intervals against margins"
            found.panels.append(chart(panel, f"{text}, {rows[0]['cell']}, {rows[0]['workload']}"))
    return found


def noise_of(connection: duckdb.DuckDBPyConnection, comparison_id: str, titles: CellTitles) -> Noise:
    """What comparing each architecture with itself shows."""
    verdicts = verdicts_of(connection, comparison_id, "aa", titles)
    sql = bound(queries.POWER, comparison_id=comparison_id)
    power = table_of(connection, sql).to_pylist()
    order = _in_order([(row["metric"], row["unit"]) for row in power])
    power.sort(key=lambda row: order.index(row["metric"]))
    return Noise(verdicts, power, false_positives(verdicts.rows), sql)
