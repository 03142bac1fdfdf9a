"""What AWS is predicted to do beside what was replayed: the same cells, observed and simulated, a line each.

Put here which figures stand beside each other. Keep out what each comparison shows by itself (`assets.report.cells`)
and what follows from both (`assets.analysis.requirements`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from assets.report.charts.style import Style, styles_by_name
from assets.report.judgements.verdicts import CellTitles, Verdicts, verdicts_of
from assets.report.queries import BESIDE, EXPERIMENTS, P99_TAKES, Rows, bound, table_of
from assets.report.words.titles import operation_title, repetitions_title, source_title


@dataclass(frozen=True)
class Line:
    """One contender's requests of one operation, as one of the two comparisons has them.

    Attributes:
        evidence: ``observed`` or ``simulated``.
        row: Shares of the offered requests, times and the queue, as `queries.BESIDE` has them; None where no replay is
            valid.
    """

    style: Style
    noun: str
    evidence: str
    row: Mapping[str, Any] | None

    @property
    def enough_for_p99(self) -> bool:
        """Whether so many were acknowledged that five lie beyond a p99."""
        return self.row is not None and (self.row["acknowledged"] or 0) >= P99_TAKES


@dataclass(frozen=True)
class CellBeside:
    """One cell: for each operation and contender what was observed and what is simulated, in this order."""

    workload: str
    scenario: str
    lines: Sequence[Line]
    sql: Mapping[str, str]


@dataclass(frozen=True)
class Beside:
    """The simulated comparison beside the one that is shown.

    Attributes:
        label: How often it was simulated, which every table says.
        cells: By recording and scenario.
        verdicts: Those among its architectures, which decide on times between different services as well.
    """

    comparison_id: str
    label: str
    cells: Mapping[tuple[str, str], CellBeside]
    verdicts: Verdicts


def beside_of(
    connection: duckdb.DuckDBPyConnection,
    comparison: Mapping[str, Any],
    simulated: Mapping[str, Any],
    titles: CellTitles,
) -> Beside:
    """What is simulated beside a comparison.

    Args:
        connection: To the published database.
        comparison: Its row in ``comparisons``.
        simulated: The row of the simulated one.
        titles: Those of its cells, in the page's order.
    """
    name = str(simulated["comparison_id"])
    experiments = table_of(connection, bound(EXPERIMENTS, comparison_id=name)).to_pylist()
    replayed = {(one["workload"], one["scenario"]) for one in experiments if one["valid"]}
    styles = styles_by_name(experiments)
    return Beside(
        comparison_id=name,
        label=f"{source_title(simulated['evidence'], None)}, {repetitions_title(int(simulated['repetitions'] or 1))}",
        cells={cell: _cell(connection, comparison, name, cell, styles) for cell in titles if cell in replayed},
        verdicts=verdicts_of(connection, name, "main", titles),
    )


def _cell(
    connection: duckdb.DuckDBPyConnection,
    comparison: Mapping[str, Any],
    simulated: str,
    cell: tuple[str, str],
    styles: Mapping[str, Style],
) -> CellBeside:
    names = dict(zip(("workload", "scenario"), cell, strict=True))
    sql = {
        evidence: bound(BESIDE, comparison_id=comparison_id, **names)
        for evidence, comparison_id in (
            (str(comparison["evidence"]), str(comparison["comparison_id"])),
            ("simulated", simulated),
        )
    }
    rows = {evidence: _by_line(table_of(connection, text).to_pylist()) for evidence, text in sql.items()}
    lines = [
        Line(style, operation_title(operation), evidence, found.get((operation, name)))
        for operation in sorted({operation for found in rows.values() for operation, _ in found})
        for name, style in styles.items()
        for evidence, found in rows.items()
    ]
    return CellBeside(*cell, lines=lines, sql=sql)


def _by_line(rows: Rows) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["operation"], row["contender"]): row for row in rows}


def shown_with(label: str, simulated: Mapping[str, Any] | None) -> str:
    """What a comparison rests on, with what is simulated beside it."""
    if simulated is None:
        return label
    return f"{label}, beside it simulated ({repetitions_title(int(simulated['repetitions'] or 1))})"
