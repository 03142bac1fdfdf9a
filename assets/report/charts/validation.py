"""Predicted against observed: a point for each measure of each cell, and the line on which both are equal.

Put here the picture of the table ``validation``. Keep its words out (`assets.report.words.validation`).
"""

from collections.abc import Sequence
from typing import Any

import altair as alt

from assets.report.charts.style import PANEL_PX, Drawing, NothingToDraw
from assets.report.words.validation import WITHIN

_KINDS = {"response": "response, ms", "completion": "done, ms", "drain": "drain, ms", "backlog": "backlog, messages"}
_SIDE_PX = 0.8 * PANEL_PX


def validation_panel(rows: Sequence[dict[str, Any]]) -> Drawing:
    """Times and backlogs, logarithmic on both axes; hollow where parameters were fitted to the cell.

    Raises:
        NothingToDraw: Nothing was both observed and predicted.
    """
    values = [
        {
            "observed": _scaled(row, "observed"),
            "predicted": _scaled(row, "predicted"),
            "kind": _KINDS[row["measure"].partition("_")[0]],
            "fitted": "fitted to" if row["fitted"] else "predicted",
        }
        for row in rows
        if row["ratio"]
    ]
    if not values:
        raise NothingToDraw("nothing was both observed and predicted")
    ends = [_scaled(row, name) for row in rows if row["ratio"] for name in ("observed", "predicted")]
    low, high = min(ends) / 1.3, max(ends) * 1.3
    scale = alt.Scale(type="log", domain=[low, high], nice=False)
    band = alt.Chart(
        alt.InlineData(
            values=[{"x": x, "low": x * (1 - WITHIN), "high": x * (1 + WITHIN), "same": x} for x in (low, high)]
        )
    )
    x = alt.X("x:Q", scale=scale, title="observed")
    area = band.mark_area(opacity=0.15, color="#5b6170", clip=True).encode(
        x=x, y=alt.Y("low:Q", scale=scale, title="predicted"), y2="high:Q"
    )
    line = band.mark_line(color="#5b6170", strokeWidth=1, clip=True).encode(x=x, y=alt.Y("same:Q", scale=scale))
    points = (
        alt.Chart(alt.InlineData(values=values))
        .mark_point(size=46, strokeWidth=1.6, filled=False)
        .encode(
            x=alt.X("observed:Q", scale=scale, title="observed"),
            y=alt.Y("predicted:Q", scale=scale, title="predicted"),
            shape=alt.Shape("kind:N", legend=alt.Legend(title=None, orient="right")),
            color=alt.Color(
                "fitted:N",
                scale=alt.Scale(domain=["fitted to", "predicted"], range=["#8A8F9A", "#0072B2"]),
                legend=alt.Legend(title=None, orient="right"),
            ),
        )
    )
    points = points.properties(width=_SIDE_PX, height=_SIDE_PX)
    return alt.LayerChart(layer=[area, line, points]).properties(width=_SIDE_PX, height=_SIDE_PX)


def _scaled(row: dict[str, Any], name: str) -> float:
    return float(row[name]) / (1000 if row["measure"].endswith("_us") else 1)
