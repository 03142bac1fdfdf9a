"""Latency: which share of the offered requests was over after how long.

Put curves over latencies here. Keep intervals of their differences out (`assets.report.charts.intervals`).
"""

import altair as alt
import pyarrow as pa

from assets.report.charts.style import PANEL_PX, TIME_LABELS, contender_colour, contender_dash, contender_data, heading
from assets.report.words.titles import done_title, operation_title

MEASURES = ("response", "completion")


def latency_panel(
    curves: pa.Table,
    *,
    operation: str,
    measure: str,
    width: int = PANEL_PX,
    height: int = 230,
    legend: bool = False,
) -> alt.Chart:
    """One curve for each contender. One that ends below 100 % stays there: the rest never came.

    Args:
        curves: What `queries.LATENCY` gives.
        operation: ``command`` or ``query``.
        measure: One of `MEASURES`. The time axis spans both, so that they can be read side by side.
    """
    of_operation = [row for row in curves.to_pylist() if row["operation"] == operation]
    rows = [row for row in of_operation if row["measure"] == measure]
    span_us = [row["us"] for row in of_operation] or [1, 1_000_000]
    low_us, high_us = min(span_us), max(span_us)
    reached = "acknowledged" if measure == "response" else done_title(operation)
    points = [{name: row[name] for name in ("contender", "us", "share")} for row in rows]
    chart: alt.Chart = (
        alt.Chart(contender_data(points))
        .mark_line(interpolate="step-after", strokeWidth=2.2, clip=True)
        .encode(
            x=alt.X(
                "us:Q",
                scale=alt.Scale(type="log", domain=[low_us, high_us], nice=False),
                axis=alt.Axis(
                    title=f"{reached} within, from when it was due",
                    values=ticks_us(low_us, high_us),
                    labelExpr=TIME_LABELS,
                ),
            ),
            y=alt.Y(
                "share:Q",
                scale=alt.Scale(domain=[0, 1.02], nice=False),  # a line at 100 % is whole
                axis=alt.Axis(
                    title=f"share of offered {operation_title(operation)}",
                    format="%",
                    values=[0, 0.25, 0.5, 0.75, 1],
                    minExtent=42,
                    maxExtent=42,
                ),
            ),
            color=contender_colour(rows, legend=legend),
            strokeDash=contender_dash(rows, legend=legend),
        )
        .properties(width=width, height=height)
    )
    return chart


def ticks_us(low_us: float, high_us: float) -> list[int]:
    """The powers of ten within a span of microseconds; finer steps where it holds fewer than two."""
    decades = [10**power for power in range(10)]
    inside = [decade for decade in decades if low_us <= decade <= high_us]
    if len(inside) >= 2:
        return inside
    return sorted({step * decade for decade in decades for step in (1, 2, 5) if low_us <= step * decade <= high_us})


def latency_figure(curves: pa.Table, *, operation: str, label: str) -> alt.HConcatChart:
    """Response and completion beside each other, of what `queries.LATENCY` gives."""
    panels = [
        latency_panel(curves, operation=operation, measure=measure, width=300, height=200, legend=True)
        for measure in MEASURES
    ]
    return alt.hconcat(*panels, title=heading(f"Latency of {operation_title(operation)}", label))
