"""The figures of a night beside those of the nights before it.

Put here what the report shows of ``history``. Keep out the expected range (`assets.analysis.history`), and drawing
(`assets.report.charts.nights`).
"""

from dataclasses import dataclass
from typing import Any

import duckdb

from assets.report.charts.nights import Spark, nights_drawable, nights_of, nights_panel, spark
from assets.report.charts.rendering import Chart, chart
from assets.report.charts.style import Style, styles
from assets.report.judgements import queries
from assets.report.judgements.verdicts import CellTitles
from assets.report.queries import bound, table_of
from assets.report.words.titles import NIGHT_VERDICTS, Mark, counted, mark

_MAX_PANELS = 8  # figures whose nights have a chart; the rest are small lines in the table


@dataclass
class Night:
    """One figure: this night's row, and its nights as a small line."""

    row: dict[str, Any]
    title: str
    style: Style
    spark: Spark


@dataclass
class History:
    """The figures of a night; the changed ones first."""

    nights: list[Night]
    panels: list[Chart]
    sql: str

    @property
    def left_out(self) -> str:
        """Why nights before are not compared with, in a sentence; empty where all are."""
        row = self.nights[0].row if self.nights else {}
        if not row.get("nights_of_others"):
            return ""
        before, service = row["nights_of_others"], row["service"] or "the lab's own backend"
        nights = "1 night" if before == 1 else f"{before:,} nights"
        return f"{nights} before this one replayed something else than {service}: it is not compared with them."

    @property
    def counts(self) -> list[tuple[Mark, int]]:
        """How many figures are as usual, and how many are not."""
        return counted((one.row["verdict"] for one in self.nights), NIGHT_VERDICTS)


def history_of(connection: duckdb.DuckDBPyConnection, comparison_id: str, titles: CellTitles) -> History:
    """The history of a night's figures, which is empty for any other comparison."""
    sql = bound(queries.HISTORY, comparison_id=comparison_id)
    nights: list[Night] = []
    panels: list[Chart] = []
    for figure, rows in nights_of(table_of(connection, sql).to_pylist()).items():
        cell = titles.get((figure.workload, figure.scenario), figure.scenario)
        (style,) = styles([figure.contender])
        last = {**rows[-1], "mark": mark(rows[-1]["verdict"], NIGHT_VERDICTS), "cell": cell}
        nights.append(Night(last, figure.title(last), style, spark(rows)))
        if len(panels) < _MAX_PANELS and nights_drawable(rows):
            title = f"{cell}: {figure.title(last)}"
            panels.append(chart(nights_panel(rows, title=title), f"Nights of {title}, {figure.workload}"))
    return History(nights, panels, sql)
