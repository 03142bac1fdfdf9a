"""How far to trust the simulation: predictions beside what was observed, and beside what others measured on AWS.

Put here which predictions the report shows. Keep out their words (`assets.report.words.validation`), their picture
(`assets.report.charts.validation`) and how they are made (`assets.analysis.validation`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from assets.report.charts.rendering import Chart, chart
from assets.report.charts.style import NothingToDraw, contender, styles_by_name
from assets.report.charts.validation import validation_panel
from assets.report.queries import VALIDATION, Rows, table_of
from assets.report.words.titles import operation_title
from assets.report.words.validation import MEASURES, is_within, miss_title, missed_sentence, value_title
from resources.simulation.published import Prediction, predictions

_SHOWN = 24  # predictions that miss most


@dataclass(frozen=True)
class Trust:
    """What is known of the simulation's predictions.

    Attributes:
        sentence: How many are near, of cells that no parameter was fitted to; empty where nothing was calibrated.
        missed: Those that miss most, with words; ``more`` are left out.
        panel: All of them in a picture; None without any.
        published: What others measured on AWS, with what the bundled parameters predict.
    """

    sentence: str
    target: str
    missed: Rows
    more: int
    panel: Chart | None
    published: Sequence[Prediction]
    sql: str


def trust_of(connection: duckdb.DuckDBPyConnection) -> Trust:
    """What is known, from the published database and the package's own data."""
    rows = table_of(connection, VALIDATION).to_pylist()
    own = [row for row in rows if not row["fitted"] and is_within(row) is not None]
    own.sort(key=_miss, reverse=True)
    styles = styles_by_name([{"contender": contender(row["architecture"], row["variant"])} for row in own])
    missed = [
        {
            **row,
            "style": styles[contender(row["architecture"], row["variant"])],
            "noun": operation_title(row["operation"]) if row["operation"] else "queue",
            "title": MEASURES[row["measure"]],
            "observed_title": value_title(row["observed"], row["measure"]),
            "predicted_title": value_title(row["predicted"], row["measure"]),
            "miss": miss_title(row),
            "within": is_within(row),
        }
        for row in own[:_SHOWN]
    ]
    return Trust(
        sentence=missed_sentence(rows) if rows else "",
        target=", ".join(sorted({row["target"] for row in rows})),
        missed=missed,
        more=max(0, len(own) - _SHOWN),
        panel=_panel(rows),
        published=predictions(),
        sql=VALIDATION,
    )


def _panel(rows: Rows) -> Chart | None:
    try:
        return chart(validation_panel(rows), "Predicted against observed, logarithmic")
    except NothingToDraw:
        return None


def _miss(row: dict[str, Any]) -> float:
    if row["difference"] is not None:
        return float(abs(row["difference"]) * 5)  # three points count as fifteen per cent
    return float(max(row["ratio"], 1 / row["ratio"]) - 1) if row["ratio"] else float("inf")
